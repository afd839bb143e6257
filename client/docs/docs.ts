/** The page at /docs: draws /openapi.json with Swagger UI, from this origin alone. */

interface SwaggerOptions {
  url: string;
  dom_id: string;
  deepLinking: boolean;
  /** Swagger UI sends the document's address to a validator elsewhere, unless this is null. */
  validatorUrl: null;
  persistAuthorization: boolean;
  defaultModelsExpandDepth: number;
}

/** What `swagger-ui-bundle.js` defines. */
declare const SwaggerUIBundle: (options: SwaggerOptions) => unknown;

const dark = matchMedia('(prefers-color-scheme: dark)');
/** Swagger UI's own name for its dark colours. */
const paint = (): void => void document.documentElement.classList.toggle('dark-mode', dark.matches);

dark.addEventListener('change', paint);
paint();
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  // The admin token stays in memory, and is gone with the page.
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
});
