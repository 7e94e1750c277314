/* What the reference made of the test streams; stream_vectors.c is generated from stream.json.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_VECTORS_H
#define STREAM_VECTORS_H

#include "edgeconv_decision.h"
#include "edgeconv_stream.h"

typedef struct {
  uint32_t number, segment;
  int64_t end_ns;
  int decision; /* the candidate */
  bool unsure;
  float values[EDGECONV_INPUT_SIZE];
  float outputs[EDGECONV_CLASSES];  /* the model's answer */
  float smoothed[EDGECONV_CLASSES]; /* what the decision rests on */
} expected_window;

typedef struct {
  const char *name;
  edgeconv_settings settings;
  const edgeconv_sample *samples;
  const uint8_t *sensors; /* which sensor each sample is of; NULL: the first */
  int sample_count;
  int restart_before; /* position of a sample, or -1 */
  edgeconv_counts counts;
  uint32_t segment;
  uint32_t waiting; /* a bit for each sensor that the stream waits for at the end */
  const expected_window *windows;
  int window_count;
} test_stream;

typedef struct {
  const char *name;
  bool logits;
  float alpha, hysteresis;
  int update_count;
  struct {
    uint32_t segment;
    float outputs[3];
    int label;
    float probabilities[3];
  } updates[5];
} test_decisions;

extern const float test_value_tolerance;
extern const float test_smoothed_tolerance;
extern const test_stream test_streams[];
extern const int test_stream_count;
extern const test_decisions test_decision_cases[];
extern const int test_decision_count;

#endif
