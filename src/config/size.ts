import { z } from 'zod';

const units = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 } as const;
const SIZE = /^(\d{1,12})(|Ki|Mi|Gi)$/;

/** Bytes between two sizes, as Kubernetes writes them: `64Mi`. */
export const size = (least: string, most: string) =>
  z
    .unknown()
    .transform((value, context) => {
      const bytes = parseSize(String(value));
      const [from = 0, to = 0] = [parseSize(least), parseSize(most)];
      if (bytes !== undefined && bytes >= from && bytes <= to) return bytes;
      context.addIssue({ code: 'custom', message: `write a size from ${least} to ${most}, such as 64Mi` });
      return z.NEVER;
    })
    .meta({ written: `size, ${least} to ${most}` });

function parseSize(text: string): number | undefined {
  const [, number, unit] = SIZE.exec(text) ?? [];
  const factor = Object.entries(units).find(([name]) => name === unit)?.[1];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
