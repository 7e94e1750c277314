/* Texts, and the tokens that they give in Python. SPDX-License-Identifier: Apache-2.0 */
#ifndef TEXTS_H
#define TEXTS_H

#include "edgeconv_tokenizer.h"

typedef struct {
  const char *text;
  int32_t tokens[EDGECONV_TOKENS];
} test_text;

extern const test_text test_texts[];
extern const int test_text_count;

#endif
