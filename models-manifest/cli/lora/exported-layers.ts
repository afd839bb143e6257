/** The layers that a LoRA is inspected against: of a prepared model, of a pipeline folder, or of one ONNX file. */
import { readFile, stat } from 'node:fs/promises';
import { DiptychError } from '../../../shared/errors.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { type Component, COMPONENTS } from '../../../shared/lora/lora.ts';
import type { BaseLayers } from '../../../shared/lora/read.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { readPart } from '../pipeline/read-part.ts';

const FOLDERS: Record<Component, readonly string[]> = {
  denoiser: ['unet', 'transformer'],
  textEncoder: ['text_encoder'],
  textEncoder2: ['text_encoder_2'],
};

/**
 * The layers of an exported pipeline folder, or of a single `.onnx` file: a text encoder where it reads `input_ids`, else a denoiser.
 *
 * @throws DiptychError `usage` where there is no such path, `pipeline_incomplete`, `onnx_malformed`
 */
export async function exportedLayers(location: string): Promise<BaseLayers> {
  const found = await stat(location).catch((cause: unknown) => {
    throw new DiptychError('usage', `${location} is not there; give a pipeline folder or an ONNX file`, { file: location }, { cause });
  });
  if (!found.isDirectory()) {
    const model = readModel(await readFile(location), location);
    const isText = model.graph.inputs.some(({ name }) => name === 'input_ids');
    return isText ? { textEncoder: layersOf(model) } : { denoiser: layersOf(model) };
  }
  const base: Partial<Record<Component, LayerEntry[]>> = {};
  for (const component of COMPONENTS) {
    const part = readPart(location, FOLDERS[component]);
    // A pipeline may lack a text encoder; without a denoiser it is none.
    const read = component === 'denoiser' ? await part : await part.catch(ifMissing);
    if (read) base[component] = layersOf(read.model);
  }
  return base;
}

function ifMissing(error: unknown): undefined {
  if (error instanceof DiptychError && error.code === 'pipeline_incomplete') return undefined;
  throw error;
}

const layersOf = (model: Model): LayerEntry[] => findSites(model.graph).map((site) => site.layer);
