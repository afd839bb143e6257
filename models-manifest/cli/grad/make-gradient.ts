/** `diptych grad`: an exported graph with a gradient among its outputs. */
import { forAnyBatch, type BatchDim } from '../../../shared/autodiff/any-batch.ts';
import { gradient, gradientName } from '../../../shared/autodiff/gradient.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { removeDead } from '../../../shared/onnx/dead-code.ts';
import type { Dim, Graph, GraphValue, Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';

/** `NAME=SIZES` as the caller gave it: the dims of an input, or the size of a symbolic dim. */
export interface GivenDims {
  name: string;
  sizes: number[];
}

export interface GradientRequest {
  loss: string;
  inputs: readonly string[];
  dims: readonly GivenDims[];
  prefix: string;
  recompute: boolean;
}

export interface MadeGradient {
  model: Model;
  /** The graph as it was given, its shapes fixed. */
  forward: Model;
  gradients: GraphValue[];
  /** The dims of a loss of more than one element, of which it is the sum that has the gradient. */
  summed: readonly Dim[] | undefined;
  /** The symbolic dim that stays open, where one does. */
  open: string | undefined;
}

/**
 * The model with its gradients. One symbolic dim, the first of its inputs, may stay open: the batch.
 *
 * @throws DiptychError `usage` for dims of what the graph does not have; `graph_unsupported`
 */
export function makeGradient(model: Model, request: GradientRequest): MadeGradient {
  const { loss, inputs, prefix, recompute } = request;
  const named = namedBatch(model);
  const given = inputDims(named, request.dims);
  const batch = openBatch(named, given);
  const build = (size: number): Model => {
    const dims = Object.fromEntries(
      given.map(({ name, dims: sizes }) => [name, sizes.map((dim) => (typeof dim === 'number' ? dim : size))]),
    );
    return gradient(normalise(named, dims, inputs), { loss, inputs, prefix, recompute });
  };
  const made = batch ? forAnyBatch(batch, build) : build(1);
  const wanted = new Set(inputs.map((name) => gradientName(name, prefix)));
  return {
    model: { ...made, graph: removeDead(made.graph) },
    forward: normalise(named, Object.fromEntries(given.map((input) => [input.name, sizesOrOnes(input)]))),
    gradients: made.graph.outputs.filter(({ name }) => wanted.has(name)),
    summed: severalElements(made.graph, loss),
    open: batch?.symbol,
  };
}

function severalElements({ outputs, valueInfo }: Graph, name: string): readonly Dim[] | undefined {
  const dims = (outputs.find((output) => output.name === name)?.type ?? valueInfo.get(name))?.dims;
  return dims?.some((dim) => dim !== 1) ? dims : undefined;
}

/** A first dim without a name is taken for the batch, and so is one that PyTorch named as it was given none: its names differ from input to input. */
function namedBatch(model: Model): Model {
  const inputs = model.graph.inputs.map((input) => {
    const { dims } = input.type;
    const first = dims?.[0];
    const isNameless = first === '' || first === `${input.name}_dynamic_axes_1`;
    return dims && isNameless ? { ...input, type: { ...input.type, dims: ['batch', ...dims.slice(1)] } } : input;
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

interface InputDims {
  name: string;
  dims: (number | string)[];
}

/** The dims of each input that a caller feeds, with what was given put in. */
function inputDims({ graph }: Model, given: readonly GivenDims[]): InputDims[] {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const symbols = new Set(inputs.flatMap(({ type }) => type.dims ?? []).filter((dim) => typeof dim === 'string' && dim !== ''));
  for (const { name, sizes } of given) {
    if (inputs.some((input) => input.name === name) || (symbols.has(name) && sizes.length === 1)) continue;
    const known = [...inputs.map((input) => input.name), ...symbols].join(', ');
    throw new DiptychError(
      'usage',
      `--dims ${name}=${sizes.join(',')}: the graph has no input and no symbolic dim of that name; it has ${known}`,
      {
        name,
      },
    );
  }
  const sizeOf = new Map(given.map(({ name, sizes }) => [name, sizes]));
  return inputs.map(({ name, type }) => {
    const dims = sizeOf.get(name) ?? type.dims?.map((dim) => (typeof dim === 'string' ? (sizeOf.get(dim)?.[0] ?? dim) : dim));
    if (!dims) throw undecided(`its input ${name} has no shape at all`, `--dims ${name}=1,3,64,64`);
    return { name, dims };
  });
}

/** The one symbolic dim that was not given; undefined where all are fixed. */
function openBatch({ graph }: Model, inputs: readonly InputDims[]): BatchDim | undefined {
  const open = inputs.flatMap(({ name, dims }) => dims.flatMap((dim, axis) => (typeof dim === 'string' ? [{ name, dim, axis }] : [])));
  const inner = open.filter(({ axis }) => axis > 0);
  const [first] = inner;
  if (first) {
    const declared = graph.inputs.find(({ name }) => name === first.name)!.type.dims!;
    const ofInput = (name: string): string => sizesOrOnes(inputs.find((input) => input.name === name)!).join(',');
    const sizes = inner.map(({ name, dim }) => (dim ? `--dims ${dim}=64` : `--dims ${name}=${ofInput(name)}`));
    const example = [...new Set(sizes)].join(' ');
    throw undecided(`its input ${first.name} [${declared.join(', ')}] leaves axis ${first.axis} open`, example);
  }
  const symbols = [...new Set(open.map(({ dim }) => dim))];
  if (symbols.length > 1) {
    const example = symbols.slice(1).map((symbol) => `--dims ${symbol}=1`);
    throw undecided(`the first dims of its inputs differ, ${symbols.join(', ')}, and one of them may stay open`, example.join(' '));
  }
  return symbols[0] === undefined ? undefined : { symbol: symbols[0], inputs: open.map(({ name }) => name) };
}

const sizesOrOnes = ({ dims }: InputDims): number[] => dims.map((dim) => (typeof dim === 'number' ? dim : 1));

const undecided = (reason: string, example: string): DiptychError =>
  new DiptychError('graph_unsupported', `the graph cannot be differentiated as it is: ${reason}; say it, for example by ${example}`);
