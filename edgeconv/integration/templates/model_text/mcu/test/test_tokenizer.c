/* Texts give the tokens that they give in Python: `make test`.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "texts.h"

int main(void) {
  int failures = 0;
  for (int i = 0; i < test_text_count; i++) {
    int32_t tokens[EDGECONV_TOKENS];
    edgeconv_tokenize(test_texts[i].text, tokens);
    if (memcmp(tokens, test_texts[i].tokens, sizeof tokens) != 0) {
      failures++;
      printf("FAILED: text %d: %s\n", i, test_texts[i].text);
    }
  }
  printf(failures ? "%d texts FAILED\n" : "all texts passed\n", failures);
  return failures ? 1 : 0;
}
