/* The model proves itself on the device: golden windows, and what it must give for them.
 *
 * Run it at start, before the first decision: it is EDGECONV_TEST_VECTORS inferences.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_SELF_TEST_H
#define EDGECONV_SELF_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_contract.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the model: int8 in, int8 out. Returns false if the interpreter reports a failure. */
typedef bool (*edgeconv_run)(const int8_t input[EDGECONV_INPUT_SIZE],
                             int8_t output[EDGECONV_CLASSES], void *context);

typedef enum {
  EDGECONV_SELF_TEST_PASSED,
  EDGECONV_SELF_TEST_FAILED, /* an output is off by more than EDGECONV_TEST_TOLERANCE */
  EDGECONV_SELF_TEST_ERROR,  /* the interpreter failed */
  EDGECONV_SELF_TEST_DAMAGED /* the model's bytes are not those of this package */
} edgeconv_self_test_status;

typedef struct {
  edgeconv_self_test_status status;
  float largest; /* difference of an output, as a real number */
  int vector;    /* place of the vector with the largest difference, or that failed; -1: none */
  int8_t outputs[EDGECONV_TEST_VECTORS][EDGECONV_CLASSES];
} edgeconv_self_test_result;

/* Golden windows as the model takes them, their places in the bundle's golden set, and the outputs
 * of the reference as real numbers. */
extern const int8_t edgeconv_test_inputs[EDGECONV_TEST_VECTORS][EDGECONV_INPUT_SIZE];
extern const float edgeconv_test_outputs[EDGECONV_TEST_VECTORS][EDGECONV_CLASSES];
extern const uint16_t edgeconv_test_places[EDGECONV_TEST_VECTORS];

/* Whether these bytes are the model of this package: its length and CRC-32. */
bool edgeconv_is_model(const unsigned char *model, uint32_t size);

/* Tests the model's bytes, then every vector. Without EDGECONV_SELF_TEST_PASSED, use no decision.
 */
edgeconv_self_test_status edgeconv_self_test(edgeconv_self_test_result *result,
                                             const unsigned char *model, uint32_t size,
                                             edgeconv_run run, void *context);

/* Takes a piece of text: writes it to a serial line or a file. */
typedef void (*edgeconv_put)(const char *text, void *context);

/* The results file that `edgeconv golden check BUNDLE FILE` judges. `device` and `version` are any
 * words without quotes: of the board, and of your firmware. */
void edgeconv_self_test_write(const edgeconv_self_test_result *result, const char *device,
                              const char *version, edgeconv_put put, void *context);

#ifdef __cplusplus
}
#endif

#endif
