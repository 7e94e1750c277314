/* What every test program checks with. Each is one source that includes this once.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "edgeconv_alive.h"

static int failures;

#define CHECK(condition, ...)        \
  do {                               \
    if (!(condition)) {              \
      failures++;                    \
      printf("FAILED: ");            \
      printf(__VA_ARGS__);           \
      printf(" (%s)\n", #condition); \
    }                                \
  } while (0)

static inline bool near(float a, float b, float tolerance) { return fabsf(a - b) <= tolerance; }

/* How often the core said that it is alive: the tests compile it with -DEDGECONV_ALIVE=test_alive.
 */
static unsigned long alive;

void test_alive(void);
void test_alive(void) { alive++; }

#endif
