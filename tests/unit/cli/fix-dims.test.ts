import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { fixDims } from '../../../models-manifest/cli/pipeline/fix-dims.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { codeOf } from '../../../shared/onnx/data-type.ts';
import { type DataType, type Dim, int, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openNodeRuntime('cpu');
});
afterAll(() => runtime.close());

/** y = sample * timestep, in `float`, as an export declares it. */
function exported(float: DataType, timestep: { dataType: DataType; dims: Dim[] }): Model {
  const sample = { dataType: float, dims: ['batch', 2] };
  const graph = {
    name: 'exported',
    nodes: [
      makeNode('Cast', '/Cast', ['timestep'], ['/t32'], { to: int(codeOf('float32')) }),
      makeNode('Cast', '/Cast_1', ['/t32'], ['/t'], { to: int(codeOf(float)) }),
      makeNode('Mul', '/Mul', ['sample', '/t'], ['y']),
    ],
    initializers: new Map(),
    inputs: [
      { name: 'sample', type: sample },
      { name: 'timestep', type: timestep },
    ],
    outputs: [{ name: 'y', type: sample }],
    valueInfo: new Map([['y', sample]]),
  };
  return { irVersion: 8, producer: 'test', opsets: new Map([['', 16]]), metadata: new Map(), graph };
}

const nothingElsewhere = () => Promise.reject(new Error('no weights elsewhere'));

describe('a network is fed float32 and a timestep [1]', () => {
  test.each<[float: DataType, timestep: { dataType: DataType; dims: Dim[] }]>([
    ['float32', { dataType: 'int64', dims: ['steps'] }],
    ['float32', { dataType: 'int64', dims: [] }],
    ['float32', { dataType: 'float32', dims: [] }],
    ['float16', { dataType: 'int64', dims: [] }],
    ['float16', { dataType: 'float16', dims: ['steps'] }],
    ['float16', { dataType: 'float16', dims: [] }],
  ])('exported in %s with the timestep %j', async (float, timestep) => {
    const part = { model: exported(float, timestep), file: 'unet/model.onnx', readExternal: nothingElsewhere };
    const model = floatTimestep(await fixDims(part, { sample: [2, 2], timestep: [1] }));
    expect(model.graph.inputs.map(({ type }) => type)).toEqual([
      { dataType: 'float32', dims: [2, 2] },
      { dataType: 'float32', dims: [1] },
    ]);
    expect(model.graph.outputs).toEqual([{ name: 'y', type: { dataType: 'float32', dims: [2, 2] } }]);
    const session = await runtime.createSession(writeModel(model), []);
    const outputs = await session.run({
      sample: runtime.host(Float32Array.of(1, 2, 3, 0.5), [2, 2]),
      timestep: runtime.host(Float32Array.of(401), [1]),
    });
    expect(await runtime.read(outputs['y']!)).toEqual(Float32Array.of(401, 802, 1203, 200.5));
    await session.release();
  });
});
