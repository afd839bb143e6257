/** An OpenAPI 3.1 response. */
export interface Answer {
  description: string;
  headers?: Record<string, { schema: object; description?: string } | { $ref: string }>;
  content?: Content;
}

/** By media type. */
export type Content = Record<string, { schema: object; example?: unknown }>;

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  required: boolean;
  description: string;
  schema: object;
  example?: unknown;
}

export interface Operation {
  /** Unique; made of method and path where a group does not give one. */
  operationId?: string;
  summary: string;
  description?: string;
  /** One of `document.ts`. */
  tags: [string];
  /** Absent: no credentials but what the parameters hold. */
  security?: Record<string, []>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Answer>;
}

type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';

/** Operations by path (`/v1/weights/{sha256}`) and method. */
export type Paths = Record<string, Partial<Record<Method, Operation>>>;
