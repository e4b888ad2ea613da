import { imageOf, podOf } from '../pods.ts';
import { type Stage, seen } from './stage.ts';

/** Credentials are those that the kubelet would use. */
export async function aPrivateImage({ registries: { closed }, admissions, report }: Stage) {
  report.chapter('4. A private image');
  const ledger = `${closed.host}/ledger:2.0`;
  const withoutSecret = await admissions.admit(podOf(ledger), { namespace: 'shop' });
  const refused =
    !withoutSecret.allowed && withoutSecret.message.includes('no pull secret matches this registry');
  report.claim('without a pull secret: refused', refused);
  report.quote(withoutSecret.message);

  const own = await admissions.admit(podOf(ledger, 'ada-login'), { namespace: 'shop' });
  const ledgerPinned = `${closed.host}/ledger@${closed.digest('ledger', '2.0')}`;
  report.claim("with the pod's imagePullSecrets: pinned", imageOf(own.pod) === ledgerPinned, seen(own));

  const account = await admissions.admit(podOf(`${closed.host}/payroll:3.1`), { namespace: 'staff' });
  const payrollPinned = `${closed.host}/payroll@${closed.digest('payroll', '3.1')}`;
  report.claim(
    'with those of the default ServiceAccount: pinned',
    imageOf(account.pod) === payrollPinned,
    seen(account),
  );
  return { own, account };
}
