/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_self_test.h"

#include <math.h>
#include <string.h>

#include "edgeconv_alive.h"
#include "edgeconv_decision.h"

#define BETWEEN_CALLS 4096u /* bytes */

/* As in zip and Ethernet, half a byte at a time: a table for whole ones is 1 KB of flash. */
static uint32_t crc32_of(const unsigned char *bytes, uint32_t size) {
  static const uint32_t steps[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                     0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                     0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                     0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
  uint32_t crc = 0xFFFFFFFFu;
  for (uint32_t i = 0; i < size; i++) {
    if (i % BETWEEN_CALLS == 0) {
      EDGECONV_ALIVE();
    }
    crc ^= bytes[i];
    crc = (crc >> 4) ^ steps[crc & 15u];
    crc = (crc >> 4) ^ steps[crc & 15u];
  }
  return ~crc;
}

bool edgeconv_is_model(const unsigned char *model, uint32_t size) {
  return size == EDGECONV_MODEL_BYTES && crc32_of(model, size) == EDGECONV_MODEL_CRC32;
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
