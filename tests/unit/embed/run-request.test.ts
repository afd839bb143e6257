import { describe, expect, it } from 'vitest';
import { guidableKinds, guidancePlan, requestOf, runFiles } from '../../../client/embed/studio/run-request.ts';
import { firstSettings, guide, pick, type ReferencePicture, type Settings } from '../../../client/embed/studio/settings.ts';
import type { LoraKind } from '../../../shared/manifest.ts';
import { catalogue } from './catalogue-fixture.ts';

const first = firstSettings(catalogue, 7)!;
const picture: ReferencePicture = { name: 'cat.png', image: { width: 1, height: 1, data: new Uint8ClampedArray(4) } };

function pickIds(settings: Settings, ids: Partial<Record<LoraKind, string>>): Settings {
  return Object.entries(ids).reduce(
    (at, [kind, id]) =>
      pick(
        at,
        kind as LoraKind,
        catalogue.loras.find((lora) => lora.id === id),
      ),
    settings,
  );
}

describe('a run’s request', () => {
  it('has no guidance until it is switched on', () => {
    expect(requestOf(first)).not.toHaveProperty('guidance');
    expect(requestOf(guide(first, { on: true, eta: 0.08 }))).toMatchObject({ guidance: { eta: 0.08 }, referenceImages: {} });
  });

  it('has no guidance where there is nothing to guide by, though it is on, and has it again with the visitor’s picture', () => {
    const bare = guide(pickIds(first, { subject: 'zorp', style: 'riso' }), { on: true });
    expect(requestOf(bare)).not.toHaveProperty('guidance');
    const given = requestOf(guide(bare, { pictures: { style: picture } }));
    expect(given).toMatchObject({ guidance: { eta: 0.05 }, referenceImages: { style: picture.image } });
    expect(given.referenceImages).not.toHaveProperty('subject');
  });

  it.each([
    ['the exact rule', {}, {}],
    ['every fifth step', { measure: 'fifth' }, { every: 5, scope: 'layer' }],
    ['every tenth step and fourth position', { measure: 'tenth' }, { every: 10, stride: 4, scope: 'layer' }],
    ['nothing of a rule that does not measure', { measure: 'tenth', rule: 'direct' }, undefined],
  ] as const)('measures by %s', (_, changes, expected) => {
    expect(requestOf({ ...first, ...changes }).ruleSettings).toEqual(expected);
  });

  it('leaves out what is none', () => {
    const request = requestOf(pick(pick(first, 'subject', undefined), 'style', undefined));
    expect(request).not.toHaveProperty('subject');
    expect(request).not.toHaveProperty('style');
    expect(request.prompt).toBe('');
  });
});

describe('guidance', () => {
  it.each([
    [{}, ['dino', 'clip']],
    [{ subject: 'zorp' }, ['clip']],
    [{ style: 'riso' }, ['dino']],
    [{ subject: 'zorp', style: 'riso' }, undefined],
  ])('with %o measures %o', (ids, metrics) => {
    expect(guidancePlan(pickIds(first, ids))?.metrics.map(({ name }) => name)).toEqual(metrics);
  });

  it('is for models with image encoders', () => {
    const [small, main] = catalogue.models;
    expect([guidableKinds(small!), guidableKinds(main!)]).toEqual([[], ['subject', 'style']]);
    const { dino } = main!.guidance!.encoders;
    expect(guidableKinds({ ...main!, guidance: { encoders: { dino } } })).toEqual(['subject']);
  });

  it('adds the tiny decoder and the encoders that it looks through to the files', () => {
    const graphBytes = 1_001_000;
    const bytes = (settings: Settings) => runFiles(settings).guidance.reduce((sum, ref) => sum + ref.bytes, 0);
    expect([bytes(first), bytes(pickIds(first, { style: 'riso' }))]).toEqual([3 * graphBytes, 2 * graphBytes]);
    expect(bytes(pickIds(first, { subject: 'zorp', style: 'riso' }))).toBe(0);
  });

  it('counts a decoder that the run has anyway once', () => {
    const { tinyDecoder: _, ...guidance } = first.model.guidance!;
    expect(runFiles({ ...first, model: { ...first.model, guidance } }).guidance).toHaveLength(4);
  });
});
