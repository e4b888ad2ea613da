import type { FindingKind } from '../../fleet/finding.ts';

export const auditFormats = ['wide', 'json', 'yaml', 'csv', 'policyreport', 'openreports'] as const;

export interface AuditOptions {
  /** All if none is named. */
  namespace?: string[];
  allNamespaces?: boolean;
  output?: (typeof auditFormats)[number];
  html?: string;
  fix?: boolean;
  only?: FindingKind[];
  failOn?: FindingKind[];
  /** False for no look-up at all. */
  registry: boolean;
  concurrency: number;
  /** Milliseconds for everything. */
  timeout: number;
  dockerConfig?: string;
  registryConfig?: string;
}
