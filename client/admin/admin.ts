/** The page at /admin: wiring only. */
import { AdminApi } from './admin-api.ts';
import { AdminApp, defineAdmin } from './app.ts';
import { Session } from './session.ts';
import { sessionToken } from './session-token.ts';
import { UsageModel } from './usage/usage-model.ts';
import { ViewAddress } from './view-address.ts';

const api = new AdminApi((...request) => fetch(...request), sessionToken.get);
const session = new Session(api, sessionToken);

defineAdmin();
const app = new AdminApp();
app.api = api;
app.session = session;
app.usage = new UsageModel(api, Date.now);
app.address = new ViewAddress(window);
document.body.append(app);
void session.open();
