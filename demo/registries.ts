import { image } from '../test/support/registry/image.ts';
import { type Registry, startRegistry } from '../test/support/registry/registry.ts';

/** The demo's registries, with their images. */
export interface Registries extends AsyncDisposable {
  /** Issues Bearer tokens, to anyone for `web`. */
  readonly open: Registry;
  /** Requires Basic credentials. */
  readonly closed: Registry;
}

/** Each may pull one repository of the closed registry, which shows whose credentials were used. */
export const users = {
  ada: { name: 'ada', password: 'ada-may-pull-ledger', pull: ['ledger'] },
  bob: { name: 'bob', password: 'bob-may-pull-payroll', pull: ['payroll'] },
};
export type User = (typeof users)[keyof typeof users];

/** A build of an image. The same name gives the same digest in every run. */
export const build = (name: string) => image({ content: name });

export async function startRegistries(): Promise<Registries> {
  const name = 'localhost';
  const open = await startRegistry({ name, auth: { scheme: 'bearer' }, public: ['web'] });
  const closed = await startRegistry({ name, auth: { scheme: 'basic' }, users: Object.values(users) });
  open.push('web', '1.2', build('web, first build'));
  closed.push('ledger', '2.0', build('ledger'));
  closed.push('payroll', '3.1', build('payroll'));
  return {
    open,
    closed,
    async [Symbol.asyncDispose]() {
      await Promise.all([open.close(), closed.close()]);
    },
  };
}
