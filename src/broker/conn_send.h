// SPDX-License-Identifier: Apache-2.0
// The sending half of a connection: answered requests, in order, as few calls as possible.
#ifndef ODRADEK_BROKER_CONN_SEND_H
#define ODRADEK_BROKER_CONN_SEND_H

#include "broker/conn.h"

// Sends what is answered at the head of the line, as far as the socket takes it; frees what was sent. ERR_CLOSED or
// ERR_IO: the connection is of no more use. A request that asks for disconnection ends it with ERR_CORRUPT.
MUST_CHECK enum err conn_send_ready(struct conn *conn);
// The connection goes; a task that still reads for it must not come back to it.
void conn_send_abandon(struct conn *conn);

#endif
