/** A label's value, and its name, as selectors can have them (apimachinery pkg/util/validation/validation.go). */
const VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const NAME = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/**
 * Selects what has these labels, as kubectl's `--selector` has it; undefined if there are none. Labels that nobody has
 * validated yet could be another selector in themselves: those that can't be meant are left out.
 */
export function labelSelector(labels: Readonly<Record<string, string>>): string | undefined {
  const pairs = Object.entries(labels).filter(([name, value]) => NAME.test(name) && VALUE.test(value));
  return pairs.length === 0 ? undefined : pairs.map(([name, value]) => `${name}=${value}`).join(',');
}
