import { transferHandlers } from 'comlink';
import { asDiptychError, DiptychError, type ErrorCode, type ErrorDetails } from '../../shared/errors.ts';

/** What comlink hands to its handler named `throw`: the thrown thing, in a box that only comlink can mark. */
interface Thrown {
  value: unknown;
}

interface SerializedError {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}

/**
 * Replaces comlink's handler for thrown errors, which drops every field but name, message and stack. Call it on both sides, before anything is
 * exposed or wrapped; `DiptychError`s then arrive whole, and others as `internal`.
 */
export function carryErrors(): void {
  const standard = transferHandlers.get('throw')!;
  transferHandlers.set('throw', {
    canHandle: (value): value is Thrown => standard.canHandle(value),
    serialize: ({ value }: Thrown) => [asDiptychError(value).toJSON(), []],
    deserialize: ({ code, message, details }: SerializedError): never => {
      throw new DiptychError(code, message, details);
    },
  });
}
