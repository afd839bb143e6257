import { openApi } from '../../../worker/openapi/document.ts';
import type { Operation } from '../../../worker/openapi/operation.ts';

export interface DocumentedRequest {
  method: string;
  /** With `{id}` and the like. */
  template: string;
  operation: Operation;
}

/** Every route that `/openapi.json` documents; another test holds that document against the app's own routes. */
export const documentedRequests: readonly DocumentedRequest[] = Object.entries(openApi.paths).flatMap(([template, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), template, operation })),
);

/** The path with these names in place of `{...}`, or `name` in every place. */
export const filled = (template: string, names: Record<string, string>, name = 'x'): string =>
  template.replaceAll(/\{(\w+)\}/g, (_, key: string) => names[key] ?? name);
