import ort from 'onnxruntime-node';
import { floatInterface } from '../../../models-manifest/cli/pipeline/float-interface.ts';
import { decisionTable, gateTable } from '../../../shared/fusion/decision.ts';
import { layerFactors, type LoraPair, type Slot } from '../../../shared/fusion/factors.ts';
import type { FusedModel } from '../../../shared/fusion/fuse.ts';
import { type FusedForm, fuseForm } from '../../../shared/fusion/fused-form.ts';
import { factorInput, FUSION } from '../../../shared/fusion/interface.ts';
import type { LoraLayer } from '../../../shared/lora/lora.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { toFloat16Model } from '../cli/float16-export.ts';
import { channelsLast, type Matrix, matrix } from './reference.ts';
import { SIZES, tinyModel } from './tiny-graph.ts';
import { IMAGES, MODULES } from './tiny-loras.ts';

/** The outputs of the tiny model, in the order of its layers. */
export const OUTPUTS = ['linear', 'gemm', 'conv'];

export interface FusedRun {
  pair: LoraPair;
  /** `measure`, or what each layer applies. */
  pass: 'measure' | ((module: string) => Slot);
  weights?: readonly [number, number];
  loser?: number;
}

type Precision = 'float32' | 'float16';

/** Layers of either precision between float32 inputs and outputs, as `diptych prepare` lays a model out. */
const modelOf = (precision: Precision) =>
  precision === 'float16' ? normalise(floatInterface(toFloat16Model(tinyModel())), SIZES) : tinyModel();

/** The tiny model fused in one form, ready to run. */
export class FusedSession {
  readonly #fused: FusedModel;
  readonly #session: ort.InferenceSession;
  readonly #form: FusedForm;

  private constructor(fused: FusedModel, session: ort.InferenceSession, form: FusedForm) {
    this.#fused = fused;
    this.#session = session;
    this.#form = form;
  }

  static async of(form: FusedForm, precision: Precision = 'float32'): Promise<FusedSession> {
    const fused = fuseForm(modelOf(precision), MODULES, form);
    validateModel(fused.model);
    return new FusedSession(fused, await ort.InferenceSession.create(writeModel(fused.model)), form);
  }

  /** The layers' outputs [positions][channels] and, where it measured, their distances [layers, 2]. */
  async run({
    pair,
    pass,
    weights = [1, 1],
    loser = 0,
  }: FusedRun): Promise<{ rows: Record<string, Matrix>; distances: Float32Array | undefined }> {
    const { layers } = this.#fused;
    const feeds: Record<string, ort.Tensor> = tinyInputs();
    for (const layer of layers) {
      const find = (lora: readonly LoraLayer[]) => lora.find(({ module }) => module === layer.module);
      const slot = pass === 'measure' ? 'pair' : pass(layer.module);
      const { down, up } = layerFactors(layer, slot, [find(pair.subject), find(pair.style)], pair.strengths, loser);
      feeds[factorInput(layer.module, 'down')] = new ort.Tensor('float32', down.data, down.dims);
      feeds[factorInput(layer.module, 'up')] = new ort.Tensor('float32', up.data, up.dims);
    }
    if (this.#form.measures) {
      feeds[FUSION.table] = new ort.Tensor('float32', decisionTable(MODULES, pair, weights), [3, layers.length]);
      feeds[FUSION.gates] = new ort.Tensor('float32', gateTable(loser), [2, 2]);
    }
    if (this.#form.measures && this.#form.applies) feeds[FUSION.measure] = new ort.Tensor('bool', [pass === 'measure'], []);
    const outputs = await this.#session.run(feeds);
    return { rows: asRows(outputs), distances: outputs[FUSION.distances]?.data as Float32Array | undefined };
  }
}

/** The tiny model's outputs without any LoRA. */
export async function baseRows(precision: Precision = 'float32'): Promise<Record<string, Matrix>> {
  const plain = await ort.InferenceSession.create(writeModel(modelOf(precision)));
  return asRows(await plain.run(tinyInputs()));
}

function tinyInputs(): Record<string, ort.Tensor> {
  return Object.fromEntries(Object.entries(SIZES).map(([name, dims]) => [name, new ort.Tensor('float32', IMAGES[name]!, dims)]));
}

function asRows(outputs: ort.InferenceSession.OnnxValueMapType): Record<string, Matrix> {
  const data = (name: string) => (outputs[name] as ort.Tensor).data as Float32Array;
  return { linear: matrix(data('linear'), 7), gemm: matrix(data('gemm'), 9), conv: channelsLast(data('conv'), 2, 5) };
}
