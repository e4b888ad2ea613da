{{/* The labels that kustomize gives all objects. */}}
{{- define "tagpin.labels" -}}
app.kubernetes.io/name: tagpin
{{- end }}

{{/* A binding of tagpin's ServiceAccount: kind Role or ClusterRole, name, namespace of the ServiceAccount. */}}
{{- define "tagpin.bound" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: tagpin
    namespace: {{ .namespace }}
{{- end }}

{{/* The name of the MutatingWebhookConfiguration, by which the API server orders its calls. */}}
{{- define "tagpin.webhookConfiguration" -}}
{{ .Values.calledFirst | ternary "0-tagpin" "tagpin" }}
{{- end }}

{{/* The files of the configuration, and of the nodes' registry configuration. */}}
{{- define "tagpin.config" -}}
{{ include "tagpin.ownConfig" . }}
{{- if eq .Values.certificate "cert-manager" }}
certificate.yaml: |
  webhook:
    certificate:
      certFile: /etc/tagpin-tls/tls.crt
      keyFile: /etc/tagpin-tls/tls.key
{{- end }}
{{- if .Values.calledFirst }}
called-first.yaml: |
  webhook:
    webhookConfiguration: 0-tagpin
{{- end }}
{{- end }}

{{/* What any process of tagpin needs of it. */}}
{{- define "tagpin.ownConfig" -}}
config.yaml: |
  {{- toYaml .Values.config | nindent 2 }}
{{- if .Values.hosts }}
mirrors.yaml: |
  certsDirectory: /etc/containerd/certs.d
{{- end }}
{{- range $name, $content := .Values.configFiles }}
{{ $name }}: |
  {{- $content | nindent 2 }}
{{- end }}
{{- end }}

{{- define "tagpin.hosts" -}}
{{- range $host, $toml := .Values.hosts -}}
{{ $host | replace ":" "_" }}: |
  {{- $toml | nindent 2 }}
{{ end }}
{{- end }}

{{/*
Names of their ConfigMaps, which end in a hash of what is in them: a change is a rollout, and `kubectl rollout undo` goes back to
the ConfigMap of before, which Helm is told to keep.
*/}}
{{- define "tagpin.configName" -}}
tagpin-config-{{ include "tagpin.config" . | sha256sum | trunc 10 }}
{{- end }}
{{- define "tagpin.hostsName" -}}
tagpin-hosts-{{ include "tagpin.hosts" . | sha256sum | trunc 10 }}
{{- end }}

{{/* The namespaces that have opted in to these modes, except those that the cluster and tagpin depend on. */}}
{{- define "tagpin.namespaceSelector" -}}
matchExpressions:
  - key: tagpin.dev/pin
    operator: In
    values: [{{ join ", " .modes }}]
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: [kube-system, kube-node-lease, {{ .namespace }}]
{{- end }}
