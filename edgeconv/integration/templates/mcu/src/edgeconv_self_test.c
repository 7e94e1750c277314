/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_self_test.h"

#include <math.h>
#include <string.h>

#include "edgeconv_crc32.h"
#include "edgeconv_decision.h"

bool edgeconv_is_model(const unsigned char *model, uint32_t size) {
  return size == EDGECONV_MODEL_BYTES && edgeconv_crc32(model, size) == EDGECONV_MODEL_CRC32;
}

/* The largest difference of an output of one vector. */
static float difference(const int8_t output[EDGECONV_CLASSES], const float *expected) {
  float outputs[EDGECONV_CLASSES], largest = 0.0f;
  edgeconv_dequantize(output, outputs);
  for (int c = 0; c < EDGECONV_CLASSES; c++) {
    largest = fmaxf(largest, fabsf(outputs[c] - expected[c]));
  }
  return largest;
}

edgeconv_self_test_status edgeconv_self_test(edgeconv_self_test_result *result,
                                             const unsigned char *model, uint32_t size,
                                             edgeconv_run run, void *context) {
  memset(result, 0, sizeof *result);
  result->vector = -1;
  if (!edgeconv_is_model(model, size)) {
    result->status = EDGECONV_SELF_TEST_DAMAGED;
    return result->status;
  }
  for (int i = 0; i < EDGECONV_TEST_VECTORS; i++) {
    EDGECONV_ALIVE();
    if (!run(edgeconv_test_inputs[i], result->outputs[i], context)) {
      result->status = EDGECONV_SELF_TEST_ERROR;
      result->vector = i;
      return result->status;
    }
    const float off = difference(result->outputs[i], edgeconv_test_outputs[i]);
    if (result->vector < 0 || off > result->largest) {
      result->largest = off;
      result->vector = i;
    }
  }
  result->status = result->largest <= EDGECONV_TEST_TOLERANCE ? EDGECONV_SELF_TEST_PASSED
                                                              : EDGECONV_SELF_TEST_FAILED;
  return result->status;
}
