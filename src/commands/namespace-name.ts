import { excerpt } from '../image/excerpt.ts';
import { WrongUse } from './outcome.ts';

/** A DNS label (apimachinery pkg/api/validation, `ValidateNamespaceName`). */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws WrongUse for what can't be a namespace's name */
export function mustBeNamespace(name: string): void {
  if (NAMESPACE.test(name)) return;
  throw new WrongUse(`"${excerpt(name)}" can't be a namespace's name; write it as kubectl lists it`);
}
