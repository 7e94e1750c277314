/* The results file that `edgeconv golden check BUNDLE FILE` judges, as text.
 *
 * Numbers are printed with snprintf("%.9g"): newlib-nano needs `-u _printf_float`.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_RESULTS_H
#define EDGECONV_RESULTS_H

#include "edgeconv_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes a piece of the text: writes it to a serial line or a file. */
typedef void (*edgeconv_put)(const char *text, void *context);

/* predictions[i] is that of golden vector i; golden is `golden` of golden.json; device is any name
 * without quotes. */
void edgeconv_write_results(const edgeconv_prediction *predictions, int count, const char *golden,
                            const char *device, edgeconv_put put, void *context);

#ifdef __cplusplus
}
#endif

#endif
