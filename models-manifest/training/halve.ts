/**
 * Turns an exported pipeline folder into the one that is committed: weights and LoRAs in float16, widened again in the graph.
 *
 *     node halve.ts weights ../demo
 */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toFloat16 } from '../../shared/onnx/float16.ts';
import { readSafetensors, toFloat32, writeSafetensors } from '../../shared/lora/safetensors.ts';
import { halveWeights } from '../../shared/onnx/halve-weights.ts';
import { readModel } from '../../shared/onnx/read.ts';
import { writeModel } from '../../shared/onnx/write.ts';

const PARTS = ['unet', 'vae_decoder', 'tiny_decoder', 'text_encoder', 'text_encoder_clip', 'image_encoder_clip', 'image_encoder_dino'];
const [from, to] = process.argv.slice(2) as [string, string];

for (const part of PARTS) {
  await mkdir(path.join(to, part), { recursive: true });
  for (const name of await readdir(path.join(from, part))) {
    const bytes = new Uint8Array(await readFile(path.join(from, part, name)));
    const halved = name === 'model.onnx' ? writeModel(halveWeights(readModel(bytes, `${part}/${name}`))) : bytes;
    await writeFile(path.join(to, part, name), halved);
  }
}
for (const folder of ['tokenizer', 'scheduler']) await cp(path.join(from, folder), path.join(to, folder), { recursive: true });
await cp(path.join(from, 'model_index.json'), path.join(to, 'model_index.json'));
await mkdir(path.join(to, 'lora'), { recursive: true });
for (const name of await readdir(path.join(from, 'lora'))) {
  const { tensors, metadata } = readSafetensors(await readFile(path.join(from, 'lora', name)), name);
  const halved = new Map([...tensors].map(([key, tensor]) => [key, { dtype: 'F16', shape: tensor.shape, bytes: new Uint8Array(toFloat16(toFloat32(tensor, key, name)).buffer) }]));
  await writeFile(path.join(to, 'lora', name), writeSafetensors(halved, metadata));
}
