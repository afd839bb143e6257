import { type GraphValue, makeNode, type Model, type Node } from '../../shared/onnx/ir.ts';

/** The graph's names: latents `x0`, `x1` ... and their coefficients `c0`, `c1` ... [1]; the sum is `y`. */
export const latentInput = (term: number): string => `x${term}`;
export const coefficientInput = (term: number): string => `c${term}`;
export const COMBINED = 'y';

/** y = c0 x0 + c1 x1 + ... over `terms` tensors of shape `dims`, float32: the arithmetic of a sampler as an ONNX graph. */
export function latentGraph(terms: number, dims: readonly number[]): Model {
  const nodes: Node[] = [];
  const add = (opType: string, inputs: string[], output: string) => void nodes.push(makeNode(opType, `/${output}`, inputs, [output]));
  for (let k = 0; k < terms; k++) {
    const product = terms === 1 ? COMBINED : `p${k}`;
    add('Mul', [latentInput(k), coefficientInput(k)], product);
    if (k > 0) add('Add', [k === 1 ? 'p0' : `s${k - 1}`, product], k === terms - 1 ? COMBINED : `s${k}`);
  }
  const inputs = Array.from({ length: terms }, (_, k) => [value(latentInput(k), dims), value(coefficientInput(k), [1])]).flat();
  const graph = { name: 'latents', nodes, initializers: new Map(), inputs, outputs: [value(COMBINED, dims)], valueInfo: new Map() };
  return { irVersion: 8, producer: 'diptych', opsets: new Map([['', 16]]), metadata: new Map(), graph };
}

const value = (name: string, dims: readonly number[]): GraphValue => ({ name, type: { dataType: 'float32', dims: [...dims] } });
