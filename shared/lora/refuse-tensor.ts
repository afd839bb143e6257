import { DiptychError, type ErrorCode } from '../errors.ts';

/** A refusal of one tensor of a LoRA file; the message reads `FILE: tensor KEY REASON`. */
export function refuseTensor(code: ErrorCode, file: string, key: string, reason: string): DiptychError {
  return new DiptychError(code, `${file}: tensor ${key} ${reason}`, { file, key });
}
