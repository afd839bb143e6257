/** Each operator's rules against onnxruntime. */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { elements } from '../../../shared/onnx/constant-values.ts';
import type { GraphValue, Model, Tensor } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { type OpCase, opModel, opTitle } from './build-model.ts';
import { FOLDED, INFERRED } from './op-cases.ts';
import { runModel } from './run-model.ts';

/** The first input is data; the others often have to be constant. A float16 one is not fed, as the runtime's array type for it varies. */
function isConstantInput({ op, inputs }: OpCase): (index: number) => boolean {
  const whole = op === 'ConstantOfShape' || op === 'Range';
  return (index) => whole || index > 0 || inputs[index]?.dataType === 'float16';
}

function feed(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.dataType as 'float32', elements(tensor) as Float32Array, tensor.dims);
}

function feedsOf(testCase: OpCase, isConstant: (index: number) => boolean): Record<string, OrtTensor> {
  return Object.fromEntries(testCase.inputs.flatMap((input, index) => (input && !isConstant(index) ? [[`in${index}`, feed(input)]] : [])));
}

/** The same number (infinities and signs included), floats but for the last bits of a transcendental function. */
function isSame(actual: number | bigint, expected: number | bigint): boolean {
  if (typeof actual === 'bigint' || typeof expected === 'bigint') return actual === expected;
  return Object.is(actual, expected) || Math.abs(actual - expected) <= 2e-7 * Math.max(1, Math.abs(expected));
}

/** The model with output types for the runtime, which checks element types against its own and is free to find the dims. */
function withElementTypes(model: Model, outputs: readonly GraphValue[]): Model {
  return { ...model, graph: { ...model.graph, outputs: outputs.map(({ name, type }) => ({ name, type: { dataType: type.dataType } })) } };
}

describe('inferred types', () => {
  it.each([...INFERRED, ...FOLDED].map((testCase) => [opTitle(testCase), testCase] as const))('%s', async (_, testCase) => {
    const isConstant = isConstantInput(testCase);
    const model = opModel(testCase, isConstant);
    const inferred = normalise(model, {}).graph.outputs;
    const outputs = await runModel(withElementTypes(model, inferred), feedsOf(testCase, isConstant));
    expect(inferred.map(({ type }) => type.dims)).toEqual(inferred.map(({ name }) => outputs[name]!.dims));
  });
});

describe('folded values', () => {
  it.each(FOLDED.map((testCase) => [opTitle(testCase), testCase] as const))('%s', async (_, testCase) => {
    const model = opModel(testCase, () => true);
    const normal = normalise(model, {}).graph;
    expect(normal.nodes).toEqual([]);
    const outputs = await runModel(withElementTypes(model, normal.outputs), {});
    for (const [name, output] of Object.entries(outputs)) {
      const folded = normal.initializers.get(name)!;
      expect([folded.dataType, ...folded.dims]).toEqual([output.type, ...output.dims]);
      const [actual, expected]: (number | bigint)[][] = [[...elements(folded)!], Array.from(output.data)];
      const differing = actual!.filter((value, i) => !isSame(value, expected![i]!));
      expect(differing, `expected ${expected}`).toEqual([]);
    }
  });
});
