import { registerHooks } from 'node:module';

/**
 * Gets cloud credentials for the repositories in its arguments, one after the other, and prints a line of JSON for each:
 * the source of the credentials, and the modules loaded so far.
 */
const [repositories, exchange] = [process.argv.slice(2), Number(process.env['EXCHANGE_PORT'])];

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});

const { CloudCredentials } = await import('../../src/credentials/cloud/cloud-credentials.ts');
const { connectionsTo } = await import('./connections.ts');
const { getCACertificates } = await import('node:tls');

const dispatcher = connectionsTo(exchange, getCACertificates('extra').join('\n'));
const source = new CloudCredentials({ dispatcher: () => dispatcher });
for (const repository of repositories) {
  const found = await source.credentials(repository, AbortSignal.timeout(10_000));
  console.log(JSON.stringify({ repository, sources: found.map(({ source }) => source), loaded }));
}
