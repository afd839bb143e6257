import { expect, test } from 'vitest';
import { parsePlacement } from '../../../client/engine/sessions/node-placement.ts';

const line = (text: string) => `2026-01-01 00:00:00.000 [V:onnxruntime:, session_state.cc:1384 VerifyEachNodeIsAssignedToAnEp]  ${text}`;

test.each<[string, string[], Record<string, number>]>([
  ['all on one', ['All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 517'], { WebGpuExecutionProvider: 517 }],
  [
    'on two',
    [
      'Node(s) placed on [CPUExecutionProvider]. Number of nodes: 29',
      '  Cast (/Cast)',
      'Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 115',
    ],
    { CPUExecutionProvider: 29, WebGpuExecutionProvider: 115 },
  ],
  ['nothing said', ['Initializing session.'], {}],
])('%s', (_, lines, expected) => {
  expect(Object.fromEntries(parsePlacement(lines.map(line).join('\n')))).toEqual(expected);
});
