/*
 * tenon/tenon.h - all of tenon's headers, for programs that want to start
 * quickly. Each of them also stands alone.
 */
#ifndef TENON_TENON_H
#define TENON_TENON_H

#include <tenon/addr.h>
#include <tenon/api.h>
#include <tenon/chan.h>
#include <tenon/codec.h>
#include <tenon/dial.h>
#include <tenon/err.h>
#include <tenon/fd.h>
#include <tenon/file.h>
#include <tenon/frame.h>
#include <tenon/http.h>
#include <tenon/httpc.h>
#include <tenon/httpd.h>
#include <tenon/loop.h>
#include <tenon/msg.h>
#include <tenon/netif.h>
#include <tenon/pack.h>
#include <tenon/pake.h>
#include <tenon/run.h>
#include <tenon/seal.h>
#include <tenon/serve.h>
#include <tenon/share.h>
#include <tenon/sock.h>
#include <tenon/sockopt.h>
#include <tenon/task.h>
#include <tenon/text.h>
#include <tenon/tls.h>
#include <tenon/transfer.h>
#include <tenon/url.h>
#include <tenon/ws.h>

#endif
