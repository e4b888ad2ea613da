/** Runs a step, then prints its name and how long it took. */
export async function step<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  const started = performance.now();
  const value = await work();
  const seconds = (performance.now() - started) / 1000;
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${what}`);
  return value;
}
