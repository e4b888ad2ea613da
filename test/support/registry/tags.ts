import { jsonReply, type ReceivedRequest, type Reply } from '../answering.ts';
import { errorReply } from './errors.ts';
import type { Repositories } from './repository.ts';

/** Answers `/v2/<name>/tags/list`, with `n`, `last` and a Link to the next page. */
export function answerTags(
  repositories: Repositories,
  name: string,
  { method, query }: ReceivedRequest,
): Reply {
  if (method !== 'GET' && method !== 'HEAD') return errorReply('UNSUPPORTED');
  const repository = repositories.find(name);
  if (repository === undefined) return errorReply('NAME_UNKNOWN', { detail: { name } });
  const given = query.get('n');
  if (given !== null && !/^\d+$/.test(given)) {
    return errorReply('PAGINATION_NUMBER_INVALID', { detail: { n: given } });
  }

  const last = query.get('last') ?? '';
  const rest = repository.tags.filter((tag) => tag > last);
  const tags = given === null ? rest : rest.slice(0, Number(given));
  const end = tags.at(-1);
  const more = end !== undefined && tags.length < rest.length;
  const next = new URLSearchParams({ last: end ?? '', n: given ?? '' });
  const link = more ? { Link: `</v2/${name}/tags/list?${next}>; rel="next"` } : {};
  return jsonReply(200, { name, tags }, link);
}
