/* What the device specification says, against the reference's answers: `make test`.
 *
 * With the argument --self-test it prints the results file of a self-test whose model answers as
 * the reference did.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "device_vectors.h"
#include "edgeconv_self_test.h"
#include "model_data.h"

/* --- streams --------------------------------------------------------------------------------- */

typedef struct {
  edgeconv_stream *stream;
  const device_stream *expected;
  int seen;
  bool pushed; /* a push inside the handler was taken */
} run;

static bool restarts_at(const device_stream *expected, uint32_t number) {
  for (int i = 0; i < expected->restart_count; i++) {
    if (expected->restarts[i] == number) {
      return true;
    }
  }
  return false;
}

static void check_window(const edgeconv_window *window, void *context) {
  run *r = context;
  const char *name = r->expected->name;
  const int number = r->seen++;
  r->pushed = edgeconv_stream_push(r->stream, window->end_ns, 9.0f, 9.0f, 9.0f) || r->pushed;
  if (number < r->expected->window_count) {
    const device_window *expected = &r->expected->windows[number];
    CHECK(window->number == expected->number, "%s %d: number", name, number);
    CHECK(window->segment == expected->segment, "%s %d: segment", name, number);
    CHECK(window->end_ns == expected->end_ns, "%s %d: ends at %" PRId64, name, number,
          window->end_ns);
    for (int c = 0; c < EDGECONV_CHANNELS; c++) {
      const float first = window->values[c];
      const float last = window->values[EDGECONV_INPUT_SIZE - EDGECONV_CHANNELS + c];
      CHECK(near(first, expected->first[c], test_value_tolerance), "%s %d: first step", name,
            number);
      CHECK(near(last, expected->last[c], test_value_tolerance), "%s %d: last step", name, number);
    }
  }
  if (restarts_at(r->expected, window->number)) {
    edgeconv_stream_restart(r->stream);
  }
}

static void run_stream(const device_stream *expected) {
  static edgeconv_stream stream; /* too large for some stacks */
  run r = {&stream, expected, 0, false};
  if (!edgeconv_stream_init(&stream, &expected->settings, check_window, &r)) {
    CHECK(false, "%s: settings", expected->name);
    return;
  }
  for (int i = 0; i < expected->sample_count; i++) {
    const edgeconv_sample *sample = &expected->samples[i];
    const float *v = sample->values;
    for (unsigned sensor = 0; sensor < EDGECONV_SENSORS; sensor++) {
      CHECK(edgeconv_stream_push_from(&stream, sensor, sample->t_ns, v[0], v[1], v[2]),
            "%s, sample %d: refused", expected->name, i);
    }
  }
  CHECK(!r.pushed, "%s: a sample was taken inside the handler", expected->name);
  CHECK(r.seen == expected->window_count, "%s: %d windows", expected->name, r.seen);
  CHECK(stream.segment == expected->segment, "%s: segment", expected->name);
  CHECK(memcmp(&stream.counts, &expected->counts, sizeof stream.counts) == 0, "%s: counts",
        expected->name);
  for (unsigned sensor = 0; sensor < EDGECONV_SENSORS; sensor++) {
    const float hz = edgeconv_stream_rate(&stream, sensor);
    CHECK(near(hz, expected->rates[sensor], 0.001f), "%s: sensor %u delivers %g Hz", expected->name,
          sensor, (double)hz);
    CHECK(edgeconv_stream_is_slow(&stream, sensor) == expected->slow[sensor], "%s: slow",
          expected->name);
  }
}

static void ignore(const edgeconv_window *window, void *context) {
  (void)window;
  (void)context;
}

/* Stamps from one end of int64_t to the other: no undefined behavior, no window. */
static void run_wild_times(void) {
  static const int64_t stamps[] = {INT64_MIN, INT64_MAX, INT64_MIN,    0,
                                   INT64_MIN, -1,        INT64_MAX,    INT64_MAX - 20000000,
                                   INT64_MAX, 1,         INT64_MIN + 1};
  static edgeconv_stream stream;
  CHECK(edgeconv_stream_init(&stream, &edgeconv_default_settings, ignore, NULL), "settings");
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < sizeof stamps / sizeof *stamps; i++) {
      for (unsigned sensor = 0; sensor < EDGECONV_SENSORS; sensor++) {
        (void)edgeconv_stream_push_from(&stream, sensor, stamps[i], 0.0f, 1.0f, 9.0f);
      }
    }
    for (int64_t i = 400; i >= 0; i--) { /* a steady sensor at the very end of time */
      for (unsigned sensor = 0; sensor < EDGECONV_SENSORS; sensor++) {
        (void)edgeconv_stream_push_from(&stream, sensor, INT64_MAX - i * 20000000, 0.0f, 1.0f,
                                        9.0f);
      }
    }
  }
  CHECK(stream.counts.accepted > 0, "wild times: nothing was accepted");
}

/* --- decisions ------------------------------------------------------------------------------- */

#if EDGECONV_CLASSES >= 3
static void run_decisions(const device_decisions *expected) {
  edgeconv_decider decider;
  edgeconv_decider_init(&decider);
  decider.logits = expected->logits;
  decider.alpha = expected->alpha;
  decider.hysteresis = expected->hysteresis;
  decider.unsure_below = expected->unsure_below;
  for (int i = 0; i < expected->update_count; i++) {
    float outputs[EDGECONV_CLASSES];
    for (int c = 0; c < EDGECONV_CLASSES; c++) { /* further classes never have a chance */
      outputs[c] = c < 3 ? expected->updates[i].outputs[c] : expected->logits ? -5000.0f : 0.0f;
    }
    const int label = edgeconv_decider_update(&decider, expected->updates[i].segment, outputs);
    const int shown = label >= 0 ? label : -1;
    CHECK(shown == expected->updates[i].label, "%s, update %d: shows %d", expected->name, i, label);
    CHECK(decider.candidate == expected->updates[i].candidate, "%s, update %d: candidate %d",
          expected->name, i, decider.candidate);
    for (int c = 0; c < 3 && decider.candidate >= 0; c++) {
      CHECK(near(decider.probabilities[c], expected->updates[i].probabilities[c],
                 test_smoothed_tolerance),
            "%s, update %d: probability %d", expected->name, i, c);
    }
  }
}
#endif

/* --- states of a sensor, energy ------------------------------------------------------------- */

static void run_states(const device_states *expected) {
  edgeconv_sensor sensor;
  edgeconv_sensor_init(&sensor, expected->patience_ns);
  for (int i = 0; i < expected->event_count; i++) {
    const device_event *event = &expected->events[i];
    const edgeconv_reaction reaction =
        edgeconv_sensor_update(&sensor, event->event, event->at_ns, event->slow);
    CHECK(sensor.state == event->state, "%s, event %d: state %d", expected->name, i,
          (int)sensor.state);
    CHECK(reaction.restart == event->restart, "%s, event %d: restart", expected->name, i);
    CHECK(reaction.use_sample == event->use_sample, "%s, event %d: sample", expected->name, i);
  }
}

static void run_energy(const device_energy *expected) {
  edgeconv_energy energy;
  edgeconv_energy_init(&energy);
  energy.still_below = expected->still_below;
  energy.after = expected->after;
  energy.factor = expected->factor;
  for (int i = 0; i < expected->window_count; i++) {
    const device_energy_window *window = &expected->windows[i];
    double largest = 0.0;
    for (int c = 0; c < expected->channel_count; c++) {
      largest = fmax(largest, edgeconv_deviation(window->values, window->count / expected->width,
                                                 expected->width, expected->channels[c]));
    }
    CHECK(fabs(largest - window->deviation) < 1e-9, "%s, window %d: deviates %g", expected->name, i,
          largest);
    CHECK(edgeconv_energy_next(&energy, window->segment, largest) == window->run,
          "%s, window %d: run", expected->name, i);
  }
}

/* A window of the contract itself: only the first sensor's channels count. */
static void check_energy_of_the_contract(void) {
  static float values[EDGECONV_INPUT_SIZE];
  edgeconv_energy energy;
  edgeconv_energy_init(&energy);
  for (uint32_t i = 0; i < EDGECONV_STILL_AFTER + 1u; i++) {
    CHECK(edgeconv_energy_runs(&energy, 0, values), "still window %u is run", (unsigned)i);
  }
  CHECK(EDGECONV_STILL_FACTOR == 1 || !edgeconv_energy_runs(&energy, 0, values),
        "the next still window is not run");
  for (uint32_t c = 0; c < EDGECONV_CHANNELS; c++) {
    if (edgeconv_sources[c].sensor == 0) {
      values[c] = 100.0f;
    }
  }
  CHECK(edgeconv_energy_runs(&energy, 0, values), "movement is run");
}

/* --- the self-test --------------------------------------------------------------------------- */

typedef struct {
  int inferences;
  int wrong_at;  /* vector whose answer is moved, or -1 */
  int fails_at;  /* vector at which the interpreter fails, or -1 */
  bool constant; /* the same answer for everything, as a broken accelerator gives */
} stub;

static bool answer(const int8_t input[EDGECONV_INPUT_SIZE], int8_t output[EDGECONV_CLASSES],
                   void *context) {
  stub *s = context;
  const int vector = s->inferences++;
  CHECK(memcmp(input, edgeconv_test_inputs[vector], EDGECONV_INPUT_SIZE) == 0, "vector %d: input",
        vector);
  if (vector == s->fails_at) {
    return false;
  }
  for (int c = 0; c < EDGECONV_CLASSES; c++) {
    const float stored = roundf(edgeconv_test_outputs[vector][c] / EDGECONV_OUTPUT_SCALE) +
                         EDGECONV_OUTPUT_ZERO_POINT;
    output[c] = (int8_t)fminf(127.0f, fmaxf(-128.0f, stored));
    if (s->constant || vector == s->wrong_at) {
      output[c] = EDGECONV_OUTPUT_ZERO_POINT;
    }
  }
  return true;
}

static edgeconv_self_test_status tested(stub model, edgeconv_self_test_result *result) {
  return edgeconv_self_test(result, model_data, model_data_size, answer, &model);
}

static void check_self_test(void) {
  edgeconv_self_test_result result;
  const int last = EDGECONV_TEST_VECTORS - 1;
  const stub right = {0, -1, -1, false}, constant = {0, -1, -1, true};
  const stub wrong = {0, last, -1, false}, failing = {0, -1, last, false};
  CHECK(tested(right, &result) == EDGECONV_SELF_TEST_PASSED, "the reference's answers: %g",
        (double)result.largest);
  CHECK(tested(constant, &result) == EDGECONV_SELF_TEST_FAILED, "a model that answers 0 always");
  CHECK(tested(wrong, &result) == EDGECONV_SELF_TEST_FAILED && result.vector == last,
        "one wrong vector: %d", result.vector);
  CHECK(tested(failing, &result) == EDGECONV_SELF_TEST_ERROR && result.vector == last,
        "an interpreter that fails: %d", result.vector);
  CHECK(EDGECONV_TEST_VECTORS < 50, "under 50 inferences");
  alive = 0;
  (void)tested(right, &result);
  CHECK(alive == EDGECONV_TEST_VECTORS + (model_data_size + 4095) / 4096,
        "the watchdog was fed %lu times", alive);

  stub unused = {0, -1, -1, false};
  CHECK(edgeconv_self_test(&result, model_data, model_data_size - 1, answer, &unused) ==
            EDGECONV_SELF_TEST_DAMAGED,
        "a model that was cut off");
  unsigned char damaged[16];
  memcpy(damaged, model_data, sizeof damaged);
  CHECK(!edgeconv_is_model(damaged, sizeof damaged), "another model");
  CHECK(edgeconv_self_test(&result, edgeconv_labels[0] ? (const unsigned char *)"" : NULL, 0,
                           answer, &unused) == EDGECONV_SELF_TEST_DAMAGED,
        "no model");
  CHECK(unused.inferences == 0, "a damaged model was run");
}

static void print(const char *text, void *context) { fputs(text, context); }

int main(int argc, char **argv) {
  if (argc > 1) {
    edgeconv_self_test_result result;
    const stub right = {0, -1, -1, false}, wrong = {0, 0, -1, false}, failing = {0, -1, 0, false};
    const bool is_wrong = strcmp(argv[1], "--wrong") == 0;
    const bool fails = strcmp(argv[1], "--failing") == 0;
    (void)tested(fails ? failing : is_wrong ? wrong : right, &result);
    edgeconv_self_test_write(&result, "host", "1.0", print, stdout);
    return 0;
  }
  for (int i = 0; i < device_stream_count; i++) {
    run_stream(&device_streams[i]);
  }
#if EDGECONV_CLASSES >= 3
  for (int i = 0; i < device_decision_count; i++) {
    run_decisions(&device_decision_cases[i]);
  }
#endif
  for (int i = 0; i < device_state_count; i++) {
    run_states(&device_state_cases[i]);
  }
  for (int i = 0; i < device_energy_count; i++) {
    run_energy(&device_energy_cases[i]);
  }
  run_wild_times();
  check_energy_of_the_contract();
  check_self_test();
  printf("self-test: %d vectors, tolerance %g\n", EDGECONV_TEST_VECTORS,
         (double)EDGECONV_TEST_TOLERANCE);
  printf(failures ? "%d device checks FAILED\n" : "all device checks passed\n", failures);
  return failures ? 1 : 0;
}
