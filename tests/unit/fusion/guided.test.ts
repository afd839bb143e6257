import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { guidedDenoiser } from '../../../shared/fusion/guided.ts';
import { float32Tensor, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { numbers } from './tiny-graph.ts';

/** F(x, t, c) = tanh(x + t) * 0.5 + c, with c [2, 1, 1, 1]: row 0 unconditional, row 1 conditional. */
function denoiser(): Model {
  const nodes = [
    makeNode('Add', 'shift', ['sample', 'timestep'], ['shifted']),
    makeNode('Tanh', 'tanh', ['shifted'], ['bent']),
    makeNode('Mul', 'half', ['bent', 'weight'], ['halved']),
    makeNode('Add', 'condition', ['halved', 'encoder_hidden_states'], ['out_sample']),
  ];
  const value = (name: string, dims: number[]) => ({ name, type: { dataType: 'float32' as const, dims } });
  return {
    irVersion: 8,
    producer: 'test',
    opsets: new Map([['', 17]]),
    metadata: new Map(),
    graph: {
      name: 'denoiser',
      nodes,
      initializers: new Map([['weight', float32Tensor([1], [0.5])]]),
      inputs: [value('sample', [2, 3, 4, 5]), value('timestep', [1]), value('encoder_hidden_states', [2, 1, 1, 1])],
      outputs: [value('out_sample', [2, 3, 4, 5])],
      valueInfo: new Map(),
    },
  };
}

describe('guidedDenoiser', () => {
  it('is c_skip x + c_out (F0 + scale (F1 - F0)), F of c_in x', async () => {
    const model = guidedDenoiser(denoiser());
    validateModel(model);
    const session = await ort.InferenceSession.create(writeModel(model));
    const x = numbers(3, 60);
    const scalar = (v: number) => new ort.Tensor('float32', Float32Array.of(v), [1]);
    const [cIn, cSkip, cOut, scale, timestep, condition] = [0.4, 0.7, -1.3, 3, 0.25, [0.1, -0.2]] as const;
    const outputs = await session.run({
      x: new ort.Tensor('float32', x, [1, 3, 4, 5]),
      c_in: scalar(cIn),
      c_skip: scalar(cSkip),
      c_out: scalar(cOut),
      guidance_scale: scalar(scale),
      timestep: scalar(timestep),
      encoder_hidden_states: new ort.Tensor('float32', Float32Array.from(condition), [2, 1, 1, 1]),
    });
    const x0 = outputs.x0!;
    expect(x0.dims).toEqual([1, 3, 4, 5]);
    const prediction = (value: number, row: 0 | 1) => Math.tanh(cIn * value + timestep) * 0.5 + condition[row];
    const expected = Array.from(x, (v) => cSkip * v + cOut * (prediction(v, 0) + scale * (prediction(v, 1) - prediction(v, 0))));
    expected.forEach((value, i) => expect((x0.data as Float32Array)[i]).toBeCloseTo(value, 5));
  });

  it('is c_skip x + c_out F of one of batch 1, without a guidance scale', async () => {
    const single = denoiser();
    for (const value of [...single.graph.inputs, ...single.graph.outputs]) value.type.dims = [1, ...value.type.dims!.slice(1)];
    const model = guidedDenoiser(single);
    validateModel(model);
    const session = await ort.InferenceSession.create(writeModel(model));
    expect(session.inputNames).not.toContain('guidance_scale');
    const x = numbers(3, 60);
    const scalar = (v: number) => new ort.Tensor('float32', Float32Array.of(v), [1]);
    const outputs = await session.run({
      x: new ort.Tensor('float32', x, [1, 3, 4, 5]),
      c_in: scalar(0.4),
      c_skip: scalar(0.7),
      c_out: scalar(-1.3),
      timestep: scalar(0.25),
      encoder_hidden_states: new ort.Tensor('float32', Float32Array.of(-0.2), [1, 1, 1, 1]),
    });
    const expected = Array.from(x, (v) => 0.7 * v - 1.3 * (Math.tanh(0.4 * v + 0.25) * 0.5 - 0.2));
    expected.forEach((value, i) => expect((outputs.x0!.data as Float32Array)[i]).toBeCloseTo(value, 5));
  });

  it('refuses a denoiser without a latent input of batch 1 or 2', () => {
    const triple = denoiser();
    triple.graph.inputs[0]!.type.dims = [3, 3, 4, 5];
    expect(() => guidedDenoiser(triple)).toThrowError(expect.objectContaining({ code: 'graph_unsupported' }));
  });
});
