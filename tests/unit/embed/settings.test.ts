import { describe, expect, it } from 'vitest';
import type { StudioOptions } from '../../../client/embed/messages.ts';
import { readOptions } from '../../../client/embed/attributes.ts';
import { applyOptions, firstSettings, guide, lorasOf, pick, writePrompt } from '../../../client/embed/studio/settings.ts';
import { catalogue } from './catalogue-fixture.ts';

const first = firstSettings(catalogue, 7)!;
const zorp = catalogue.loras.find(({ id }) => id === 'zorp')!;
const options = (attributes: Record<string, string>): StudioOptions => readOptions((name) => attributes[name] ?? null);

describe('settings', () => {
  it('starts with the model that has most LoRAs, and its own number of steps', () => {
    expect([first.model.id, first.subject?.id, first.style?.id, first.steps]).toEqual(['main', 'pip', 'knit', 12]);
    expect(lorasOf(catalogue, first.model, 'style').map(({ id }) => id)).toEqual(['knit', 'riso']);
  });

  it('has none without a model', () => {
    expect(firstSettings({ version: 1, models: [], loras: [] }, 7)).toBeUndefined();
  });

  it('makes the prompt of the triggers until the visitor writes one', () => {
    expect(first.prompt).toBe('a pip creature in knit style');
    expect(pick(first, 'subject', zorp).prompt).toBe('a zorp creature in knit style');
    expect(pick(writePrompt(first, 'two pips'), 'subject', zorp).prompt).toBe('two pips');
  });

  it('takes what the host page sets', () => {
    const set = options({ subject: 'zorp', 'style-id': 'riso', seed: '0', steps: '3', rule: 'direct', 'style-strength': '0' });
    const { subject, style, prompt, seed, steps, rule, strengths } = applyOptions(first, catalogue, set);
    expect({ subject: subject?.id, style: style?.id, prompt, seed, steps, rule, strengths }).toEqual({
      subject: 'zorp',
      style: 'riso',
      prompt: 'a zorp creature in riso style',
      seed: 0,
      steps: 3,
      rule: 'direct',
      strengths: [1, 0],
    });
  });

  it('keeps the visitor’s own choices when the host page changes something else', () => {
    const before = options({ prompt: 'from the page', seed: '1' });
    const visitor = writePrompt(applyOptions(first, catalogue, before), 'from the visitor');
    const after = applyOptions(visitor, catalogue, options({ prompt: 'from the page', seed: '2' }), before);
    expect([after.prompt, after.seed]).toEqual(['from the visitor', 2]);
  });

  it('takes the host page’s guidance as its strength, and 0 as off', () => {
    expect(first.guidance).toEqual({ on: false, eta: 0.05, pictures: {} });
    const guided = applyOptions(first, catalogue, options({ guidance: '0.1' }));
    expect(guided.guidance).toMatchObject({ on: true, eta: 0.1 });
    expect(applyOptions(guided, catalogue, options({ guidance: '0' })).guidance).toMatchObject({ on: false, eta: 0.1 });
    expect(
      applyOptions(guide(guided, { on: false }), catalogue, options({ guidance: '0.1' }), options({ guidance: '0.1' })).guidance.on,
    ).toBe(false);
  });

  it('makes the prompt of what is left when one is none', () => {
    expect(pick(first, 'subject', undefined).prompt).toBe('in knit style');
  });

  it('ignores a LoRA that this model does not have', () => {
    expect(applyOptions(first, catalogue, options({ 'style-id': 'ink' })).style?.id).toBe('knit');
  });
});

describe('attributes', () => {
  it.each([
    ['style, where a page writes it so', { style: 'knit' }, { style: 'knit' }],
    ['style-id before style', { style: 'knit', 'style-id': 'riso' }, { style: 'riso' }],
    ['not CSS in style', { style: 'display: block' }, { style: undefined }],
    ['a seed of 0', { seed: '0' }, { seed: 0 }],
    ['not a seed of more than 32 bits', { seed: '4294967296' }, { seed: undefined }],
    ['not an empty number', { seed: '', steps: ' ' }, { seed: undefined, steps: undefined }],
    ['not half a step', { steps: '2.5' }, { steps: undefined }],
    ['a strength of 0', { 'subject-strength': '0' }, { subjectStrength: 0 }],
    ['not a strength beyond 2', { 'subject-strength': '2.1' }, { subjectStrength: undefined }],
    ['guidance of 0, which is off', { guidance: '0' }, { guidance: 0 }],
    ['not guidance beyond 0.2', { guidance: '0.3' }, { guidance: undefined }],
    ['not a rule of another name', { rule: 'sum' }, { rule: undefined }],
    ['a theme', { theme: 'dark' }, { theme: 'dark' }],
  ])('reads %s', (_, attributes, expected) => {
    expect(options(attributes as Record<string, string>)).toMatchObject(expected);
  });
});
