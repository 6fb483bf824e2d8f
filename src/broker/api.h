// SPDX-License-Identifier: Apache-2.0
// One function per API that schema/ says is served: `void api_<name>(struct request *)` in broker/api/<name>.c. The
// table is generated from the `serve` lines; a line without its function does not link, which is all the registration
// there is.
#ifndef ODRADEK_BROKER_API_H
#define ODRADEK_BROKER_API_H

#include "broker/request.h"

typedef void api_handler_fn(struct request *request);

// NULL: not served. Handlers run on the request's home shard.
api_handler_fn *api_handler(int key);

#endif
