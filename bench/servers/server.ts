/** A process that answers reviews, and how to reach it. */
export interface ReviewServer {
  readonly pid: number;
  readonly port: number;
  readonly ca: string;
  readonly servername: string;
  readonly path: string;
}
