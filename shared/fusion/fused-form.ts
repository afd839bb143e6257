import { GraphBuilder } from '../onnx/builder.ts';
import { either } from '../onnx/either.ts';
import type { Model } from '../onnx/ir.ts';
import type { CriterionName, Measuring } from '../rules.ts';
import { fuse, type FusedModel } from './fuse.ts';
import { FUSION } from './interface.ts';

/** What a fused graph can do in a run: measure both LoRAs by a criterion and choose, apply the factors that it is fed, or either. */
export interface FusedForm extends Partial<Measuring> {
  /** By what. How is the paper's way where the fields of `Measuring` are left out. */
  measures?: CriterionName;
  applies: boolean;
}

const EXACT: Measuring = { axis: 'channels', direction: 'forward', scope: 'layer', stride: 1 };

const measuringOf = ({
  axis = EXACT.axis,
  direction = EXACT.direction,
  scope = EXACT.scope,
  stride = EXACT.stride,
}: FusedForm): Measuring => ({
  axis,
  direction,
  scope,
  stride,
});

/** Whether a graph of the form `made` does all that `wanted` needs. */
export function formCovers(made: FusedForm, wanted: FusedForm): boolean {
  return (
    (made.applies || !wanted.applies) &&
    (wanted.measures === undefined || (made.measures === wanted.measures && sameMeasuring(measuringOf(made), measuringOf(wanted))))
  );
}

const sameMeasuring = (a: Measuring, b: Measuring): boolean =>
  a.axis === b.axis && a.direction === b.direction && a.scope === b.scope && a.stride === b.stride;

/**
 * Fuses the layers of `modules` in the form asked for. A graph that does either chooses by its input `fusion.measure`; where it
 * applies, `fusion.distances` is zero.
 *
 * @throws DiptychError `graph_unsupported`, as `fuse`
 */
export function fuseForm(model: Model, modules: readonly string[], form: FusedForm): FusedModel {
  const { measures, applies } = form;
  if (measures === undefined) return fuse(model, modules, 'apply');
  const measuring = fuse(model, modules, { measures, ...measuringOf(form) });
  if (!applies || measuring.layers.length === 0) return measuring;
  const applying = withoutDistances(fuse(model, modules, 'apply').model, measuring.layers.length);
  return { model: either(FUSION.measure, measuring.model, applying), layers: measuring.layers };
}

function withoutDistances(model: Model, rows: number): Model {
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers) };
  const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
  builder.scope('fusion');
  builder.add('Identity', 'none', [builder.floats([rows, 2], Array<number>(2 * rows).fill(0))], {}, FUSION.distances);
  const distances = { name: FUSION.distances, type: { dataType: 'float32' as const, dims: [rows, 2] } };
  return { ...model, graph: { ...graph, nodes: [...graph.nodes, ...builder.nodes], outputs: [...graph.outputs, distances] } };
}
