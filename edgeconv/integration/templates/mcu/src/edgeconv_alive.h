/* What long work calls now and then, so that it can feed the watchdog. Compile with
 * -DEDGECONV_ALIVE=feed_watchdog, the name of a function of yours; without it nothing is called.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_ALIVE_H
#define EDGECONV_ALIVE_H

#ifdef EDGECONV_ALIVE
#ifdef __cplusplus
extern "C" {
#endif

void EDGECONV_ALIVE(void);

#ifdef __cplusplus
}
#endif
#else
#define EDGECONV_ALIVE() ((void)0)
#endif

#endif
