/* The cases of personal.json; personal_vectors.c is generated from it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PERSONAL_VECTORS_H
#define PERSONAL_VECTORS_H

#include "edgeconv_personal.h"

typedef enum { TEST_ENROLL, TEST_FORGET, TEST_ANSWER } test_personal_kind;

typedef struct {
  test_personal_kind kind;
  int label; /* that is enrolled, forgotten or answered */
  bool yes;  /* accepted, or whether the layer took part */
  edgeconv_personal_state state;
  double unsure_below;
  float outputs[3], embedding[4];
  double probabilities[3];
} test_personal_step;

typedef struct {
  const char *name, *sha256;
  int classes, embedding;
  bool logits;
  const test_personal_step *steps;
  int step_count;
} test_personal_layer;

extern const double test_personal_tolerance;
extern const test_personal_layer test_personal_layers[];
extern const int test_personal_layer_count;

#endif
