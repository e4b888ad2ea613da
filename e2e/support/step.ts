/** Says what is being done now, and how long it took once it is. */
export async function step<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    const seconds = (performance.now() - started) / 1000;
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${what}`);
  }
}
