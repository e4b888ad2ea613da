import type { ClusterAccess } from '../../access/cluster.ts';
import type { FindingKind } from '../../fleet/finding.ts';

export const auditFormats = ['wide', 'json', 'yaml', 'csv', 'policyreport', 'openreports'] as const;

export interface AuditOptions extends ClusterAccess {
  /** All if none is named. */
  namespace?: string[];
  allNamespaces?: boolean;
  output?: (typeof auditFormats)[number];
  html?: string;
  /** Manifests to apply. */
  fix?: boolean;
  /** Manifests of what can't be changed in place. */
  fixReplace?: boolean;
  only?: FindingKind[];
  failOn?: FindingKind[];
  /** Whether registries are asked. */
  registry: boolean;
  /** Images at a time. */
  concurrency: number;
}
