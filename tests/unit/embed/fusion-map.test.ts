import { describe, expect, it } from 'vitest';
import { cellAt, fusionLayout } from '../../../client/embed/studio/fusion-layout.ts';
import { cellText, decisiveness, layerGroups, mapText, subjectShare } from '../../../client/embed/studio/fusion-summary.ts';
import { appendStep } from '../../../client/embed/studio/live-map.ts';
import type { FusionMap } from '../../../shared/protocol.ts';

const modules = [
  'down_blocks.0.attentions.0.to_q',
  'down_blocks.0.attentions.0.to_k',
  'mid_block.attentions.0.to_q',
  'up_blocks.1.resnets.0.conv1',
];

function step(number: number, pairs: number[], choice: number[]) {
  return {
    type: 'step',
    step: number,
    steps: 2,
    secondsLeft: 0,
    distances: Float32Array.from(pairs),
    choice: Uint8Array.from(choice),
  } as const;
}

const first = step(1, [3, 1, 0, 0, 1, 0, 2, 2], [0, 0, 0, 1]);
const second = step(2, [1, 3, 1, 1, 0, 1, 0.5, 0.25], [1, 1, 1, 1]);
const live = appendStep(appendStep(undefined, first), second);
const map: FusionMap = { ...live, modules };

describe('fusion map', () => {
  it('grows by a step at a time, row-major', () => {
    expect(live).toEqual({
      modules: ['', '', '', ''],
      steps: 2,
      distances: Float32Array.of(...first.distances, ...second.distances),
      choice: Uint8Array.of(...first.choice, ...second.choice),
    });
  });

  it.each([
    ['an SD denoiser', modules, ['down 0:0-2', 'mid:2-3', 'up 1:3-4']],
    ['a transformer', ['transformer_blocks.0.attn.to_q', 'transformer_blocks.11.ff'], ['transformer 0:0-1', 'transformer 11:1-2']],
    ['layers beside blocks', ['time_embedding.linear_1', 'conv_in'], ['time_embedding:0-1', 'conv_in:1-2']],
    ['names still to come', ['', ''], ['layers:0-2']],
  ])('groups the layers of %s', (_, names, expected) => {
    expect(layerGroups(names).map(({ label, from, to }) => `${label}:${from}-${to}`)).toEqual(expected);
  });

  it('counts the subject’s share of a group, and none before the first step', () => {
    expect(subjectShare(map, { from: 0, to: 4 })).toBe(3 / 8);
    expect(subjectShare(map, { from: 2, to: 4 })).toBe(1 / 4);
    expect(subjectShare(map, { from: 3, to: 4 })).toBe(0);
    expect(subjectShare({ ...map, steps: 0 }, { from: 0, to: 4 })).toBeUndefined();
  });

  it('shares a layer that both act in, and counts none that neither does', () => {
    const settled = { ...map, steps: 1, distances: new Float32Array(8), choice: Uint8Array.of(2, 0, 3, 3) };
    expect(subjectShare(settled, { from: 0, to: 4 })).toBe(0.75);
    expect(subjectShare(settled, { from: 2, to: 4 })).toBeUndefined();
    expect(cellText(settled, { row: 0, step: 0 })).toBe('Step 1, down_blocks.0.attentions.0.to_q: both');
    expect(mapText({ ...settled, choice: Uint8Array.of(3, 3, 3, 3) })).toBe('No LoRA acted in any layer.');
  });

  it('tells how clear a choice was: from 0 for a tie to 1', () => {
    const rows = modules.map((_, row) => decisiveness(map, { row, step: 0 }));
    expect(rows).toEqual([0.5, 0, 1, 0]);
    const rounded = { ...map, distances: Float32Array.of(0.1, -8e-8, ...map.distances.slice(2)) };
    expect(decisiveness(rounded, { row: 0, step: 0 })).toBe(1);
    expect(cellText(rounded, { row: 0, step: 0 })).toContain('0 by the style');
  });

  it('puts itself into words', () => {
    expect(mapText(map)).toBe('4 layers over 2 steps: 38 percent went to the subject, 62 percent to the style.');
    expect(cellText(map, { row: 3, step: 1 })).toBe(
      'Step 2, up_blocks.1.resnets.0.conv1: style (change 0.50 by the subject, 0.25 by the style)',
    );
    expect(cellText(live, { row: 0, step: 1 })).toContain('layer 1: style');
  });
});

describe('layout', () => {
  const layout = fusionLayout(layerGroups(modules), 2, 262);

  it('finds each cell at its own middle', () => {
    for (const row of modules.keys())
      for (const at of [0, 1]) {
        const x = layout.left + (at + 0.5) * layout.cellWidth;
        expect(cellAt(layout, 2, x, layout.tops[row]! + layout.cellHeight / 2)).toEqual({ row, step: at });
      }
  });

  it('finds none between blocks, in the labels, or in a step to come', () => {
    const y = layout.tops[0]! + 1;
    expect(cellAt(layout, 2, layout.left + 1, layout.tops[2]! - 1)).toBeUndefined();
    expect(cellAt(layout, 2, 4, y)).toBeUndefined();
    expect(cellAt(layout, 1, layout.left + layout.cellWidth * 1.5, y)).toBeUndefined();
  });
});
