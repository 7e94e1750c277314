/* The model proves itself on the device: golden vectors, and what it must give for them.
 *
 * Run it at start, before the first prediction: it is EDGECONV_GOLDEN_VECTORS inferences.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_SELF_TEST_H
#define EDGECONV_SELF_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_golden.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the model; anything but EDGECONV_OK is a failure. */
typedef edgeconv_status (*edgeconv_run)(const edgeconv_inputs *inputs,
                                        edgeconv_prediction *prediction, void *context);

typedef enum {
  EDGECONV_SELF_TEST_PASSED,
  EDGECONV_SELF_TEST_FAILED, /* an output is off by more than its tolerance */
  EDGECONV_SELF_TEST_ERROR,  /* the model could not be run */
  EDGECONV_SELF_TEST_DAMAGED /* the model's bytes are not those of this package */
} edgeconv_self_test_status;

typedef struct {
  edgeconv_self_test_status status;
  float largest; /* difference of an output, as a share of its tolerance: 1 is the most allowed */
  int vector;    /* the golden vector with the largest difference, or that failed; -1: none */
  edgeconv_prediction predictions[EDGECONV_GOLDEN_VECTORS];
} edgeconv_self_test_result;

/* Whether these bytes are the model of this package: its length and CRC-32. */
bool edgeconv_is_model(const unsigned char *model, uint32_t size);

/* Tests the model's bytes, then every golden vector. Without EDGECONV_SELF_TEST_PASSED, use no
 * prediction. */
edgeconv_self_test_status edgeconv_self_test(edgeconv_self_test_result *result,
                                             const unsigned char *model, uint32_t size,
                                             edgeconv_run run, void *context);

/* Takes a piece of text: writes it to a serial line or a file. */
typedef void (*edgeconv_put)(const char *text, void *context);

/* The results file that `edgeconv golden check BUNDLE FILE` judges. `device` and `version` are any
 * words without quotes: of the board, and of your firmware. Numbers are printed with "%.9g":
 * newlib-nano needs `-u _printf_float`. */
void edgeconv_self_test_write(const edgeconv_self_test_result *result, const char *device,
                              const char *version, edgeconv_put put, void *context);

#ifdef __cplusplus
}
#endif

#endif
