import { expect, test } from 'vitest';
import { UsageModel } from '../../../client/admin/usage/usage-model.ts';
import { readViewState, type ViewState } from '../../../client/admin/view-state.ts';
import { DiptychError } from '../../../shared/errors.ts';

const NOW = Date.parse('2026-11-23T10:30:00Z');
const view = (query: string): ViewState => readViewState(new URLSearchParams(query));

interface Asked {
  path: string;
  signal: AbortSignal | undefined;
  answer: (body: object) => void;
  fail: (error: Error) => void;
}

/** An edge that answers when, and in what order, the test says. */
function open() {
  const asked: Asked[] = [];
  const json = <T>(path: string, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise<T>((resolve, reject) => asked.push({ path, signal, answer: (body) => resolve(body as T), fail: reject }));
  return { asked, model: new UsageModel({ json }, () => NOW) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const live = (count: number) => ({ live: { minutes: 5, view: count, generate_start: 0 } });

test('asks for what the page shows', () => {
  const { model, asked } = open();
  void model.load(view('site=shop&period=7d&by=pair&filter=rule=kl&filter=subject=a%2Bb'));
  expect(asked[0]!.path).toBe('/v1/sites/shop/analytics?from=2026-11-17&limit=10&breakdown=pair&filter=rule%3Dkl&filter=subject%3Da%2Bb');
  void model.load(view('from=2026-01-01&to=2026-12-31&interval=hour'));
  // Hours of a year are more points than the edge gives: it takes what it finds fit.
  expect(asked[1]!.path).toBe('/v1/sites/all/analytics?from=2026-01-01&limit=10&breakdown=gpu_class&to=2026-12-31');
});

test('a newer question ends the older one, whose late answer changes nothing', async () => {
  const { model, asked } = open();
  void model.load(view('period=7d'));
  void model.load(view('period=90d'));
  expect(asked[0]!.signal!.aborted).toBe(true);
  asked[1]!.answer({ name: 'second', ...live(2) });
  await settled();
  asked[0]!.answer({ name: 'first', ...live(1) });
  await settled();
  expect(model.state).toMatchObject({ loading: false, error: undefined, answer: { analytics: { name: 'second' } }, live: { view: 2 } });
});

test('an older question that fails late is no failure', async () => {
  const { model, asked } = open();
  void model.load(view('period=7d'));
  void model.load(view('period=90d'));
  asked[0]!.fail(new DOMException('aborted', 'AbortError'));
  await settled();
  expect(model.state).toMatchObject({ loading: true, error: undefined });
});

test('another metric asks nothing; another breakdown does', async () => {
  const { model, asked } = open();
  void model.ask(view(''));
  void model.ask(view('metric=errors'));
  expect(asked).toHaveLength(1);
  void model.ask(view('by=site'));
  expect(asked).toHaveLength(2);
});

test('after a failure the same can be asked again', async () => {
  const { model, asked } = open();
  void model.load(view(''));
  asked[0]!.fail(new DiptychError('rate_limited', 'Too many.'));
  await settled();
  expect(model.state.error?.code).toBe('rate_limited');
  void model.load(view(''));
  asked[1]!.answer({ name: 'good', ...live(0) });
  await settled();
  expect(model.state).toMatchObject({ error: undefined, answer: { analytics: { name: 'good' } } });
});

test('live counts are refreshed one at a time, and are never those of another site', async () => {
  const { model, asked } = open();
  void model.load(view('site=a'));
  asked[0]!.answer(live(1));
  await settled();
  void model.refreshLive();
  void model.refreshLive();
  expect(asked.map(({ path }) => path.split('?')[0])).toEqual(['/v1/sites/a/analytics', '/v1/sites/a/analytics']);
  expect(asked[1]!.path).toContain('from=2026-11-23T09%3A30%3A00.000Z');
  void model.load(view('site=b'));
  expect(model.state.live).toBeUndefined();
  asked[1]!.answer(live(7));
  await settled();
  expect(model.state.live).toBeUndefined();
  asked[2]!.answer(live(3));
  await settled();
  void model.refreshLive();
  asked[3]!.answer(live(4));
  await settled();
  expect(model.state.live?.view).toBe(4);
});

test('nothing is left after a sign-out', async () => {
  const { model, asked } = open();
  void model.load(view(''));
  model.clear();
  asked[0]!.answer({ name: 'late', ...live(1) });
  await settled();
  expect(model.state).toEqual({ answer: undefined, loading: false, error: undefined, live: undefined });
});
