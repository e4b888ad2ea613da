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
