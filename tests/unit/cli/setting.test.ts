import { expect, test } from 'vitest';
import { setting } from '../../../models-manifest/cli/commands/options.ts';
import { GuidanceSettings } from '../../../shared/guidance/settings.ts';

test('settings given one by one add up, fields of one setting as well', () => {
  const parse = setting(GuidanceSettings);
  const given = ['eta=0.1', 'weights.gram=0.5', 'schedule=falling', 'weights.clip-text=2', 'weights.gram=1'];
  const settings = given.reduce<GuidanceSettings | undefined>((before, text) => parse(text, before), undefined);
  expect(settings).toEqual({ eta: 0.1, schedule: 'falling', weights: { gram: 1, 'clip-text': 2 } });
});
