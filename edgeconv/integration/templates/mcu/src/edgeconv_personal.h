/* What a few labeled windows of its user change in a model's answers: no training, no allocation.
 * docs/explanation/personalization.md of edgeconv is the specification; arithmetic is in double.
 *
 * The model must give its embedding (edgeconv export --embedding). Memory is the app's: an array of
 * windows, of which one takes 4 * (classes + embedding + 1) bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_PERSONAL_H
#define EDGECONV_PERSONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_contract.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EDGECONV_PERSONAL_CLASSES /* the most that a layer can have */
#define EDGECONV_PERSONAL_CLASSES EDGECONV_CLASSES
#endif
#ifndef EDGECONV_PERSONAL_EMBEDDING
#ifdef EDGECONV_EMBEDDING
#define EDGECONV_PERSONAL_EMBEDDING EDGECONV_EMBEDDING
#else
#define EDGECONV_PERSONAL_EMBEDDING 32
#endif
#endif
#define EDGECONV_PERSONAL_MOST_WINDOWS 32 /* of one activity */
#define EDGECONV_PERSONAL_ALL (-1)
#define EDGECONV_PERSONAL_UNSURE (-1)

typedef enum {
  EDGECONV_PERSONAL_ON,
  EDGECONV_PERSONAL_EMPTY,        /* nothing is enrolled */
  EDGECONV_PERSONAL_ONE_ACTIVITY, /* there is nothing to tell it from */
  EDGECONV_PERSONAL_NO_GAIN       /* the model is right as often on it, or more on one activity */
} edgeconv_personal_state;

typedef struct {
  int32_t label;
  float outputs[EDGECONV_PERSONAL_CLASSES];
  float embedding[EDGECONV_PERSONAL_EMBEDDING];
} edgeconv_personal_window;

typedef struct {
  int groups; /* classes with windows */
  double scale;
  double prototypes[EDGECONV_PERSONAL_CLASSES][EDGECONV_PERSONAL_EMBEDDING];
  double coefficients[EDGECONV_PERSONAL_CLASSES][EDGECONV_PERSONAL_CLASSES];
  /* [a][c]: the model nearly answered class a for a window of class c */
  bool mistaken[EDGECONV_PERSONAL_CLASSES][EDGECONV_PERSONAL_CLASSES];
} edgeconv_personal_fit;

typedef struct {
  int classes, embedding;
  bool logits; /* whether outputs go through softmax first */
  edgeconv_personal_window *windows;
  int capacity, count;
  bool judged; /* whether state and fit are those of the windows */
  edgeconv_personal_state state;
  edgeconv_personal_fit fit, scratch;
} edgeconv_personal;

/* What is written to flash in front of the windows. */
typedef struct {
  uint32_t format;
  char model_sha256[65];
  int32_t classes, embedding, count;
} edgeconv_personal_header;

/* An empty layer over the app's windows. False, if it is larger than it was compiled for. */
bool edgeconv_personal_init(edgeconv_personal *layer, int classes, int embedding, bool logits,
                            edgeconv_personal_window *windows, int capacity);

/* Add a window whose activity the user told. The oldest one of an activity gives way where there is
 * no room. False, and nothing changes: a number is not finite, there is no such class, or no room
 * and no window of the activity. */
bool edgeconv_personal_enroll(edgeconv_personal *layer, int label, const float *outputs,
                              const float *embedding);

/* Drop the windows of one class, or EDGECONV_PERSONAL_ALL. */
void edgeconv_personal_forget(edgeconv_personal *layer, int label);

/* Whether the layer changes answers. The first call after a change does all the work: about
 * windows * classes * classes * embedding multiplications. */
edgeconv_personal_state edgeconv_personal_judge(edgeconv_personal *layer);

/* The answer for a window: the model's, unless the layer is on. Returns the label, or
 * EDGECONV_PERSONAL_UNSURE. `personal` (may be NULL) says whether the layer took part. */
int edgeconv_personal_answer(edgeconv_personal *layer, const float *outputs, const float *embedding,
                             double unsure_below, double *probabilities, bool *personal);

/* The header of what is stored, and a layer out of a stored header and the windows that lie in the
 * app's array already. False, and the layer is empty: of another model, or damaged. */
void edgeconv_personal_store(const edgeconv_personal *layer, const char *model_sha256,
                             edgeconv_personal_header *header);
bool edgeconv_personal_restore(edgeconv_personal *layer, const char *model_sha256,
                               const edgeconv_personal_header *header);

#ifdef __cplusplus
}
#endif

#endif
