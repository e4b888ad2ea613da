/** The path of a key as users write it: `registries["registry.example.com"].mirrors[0].endpoint`. */
export function keyPath(keys: readonly PropertyKey[]): string {
  return keys
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = String(key);
      return /[.:/]/.test(name) ? `["${name}"]` : `${index ? '.' : ''}${name}`;
    })
    .join('');
}
