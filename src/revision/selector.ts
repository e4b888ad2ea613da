/** A label's value, and its name, as selectors can have them (apimachinery pkg/util/validation/validation.go). */
const VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const NAME = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/**
 * Characters of a selector. An object may have any number of labels, and the API server refuses a URL with all of them. Labels
 * in use are about 40 characters long, so this is 25 of them, and no more than 1.5 KiB once it is encoded in a URL.
 */
const LONGEST = 1_000;

/** A label selector for what has one of these values, as far as labels can have them; undefined if none can. */
export function setSelector(name: string, values: readonly string[]): string | undefined {
  const valid = values.filter((value) => VALUE.test(value));
  return valid.length === 0 ? undefined : `${name} in (${valid.join(',')})`;
}

/**
 * A label selector, in the form of kubectl's `--selector`, for what has these labels; undefined if there are none. It takes
 * the labels in the order of their names for as long as they fit: a selector of fewer labels selects what has all of
 * them, and perhaps more.
 *
 * The labels may not have been validated yet, and could contain another selector: invalid ones are left out.
 */
export function labelSelector(labels: Readonly<Record<string, string>>): string | undefined {
  let selector = '';
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name] ?? '';
    if (!NAME.test(name) || !VALUE.test(value)) continue;
    const longer = `${selector}${selector === '' ? '' : ','}${name}=${value}`;
    if (longer.length > LONGEST) break;
    selector = longer;
  }
  return selector === '' ? undefined : selector;
}
