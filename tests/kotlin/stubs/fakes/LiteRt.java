package fakes;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** What the stubs of LiteRT answer, fail at and have open. */
public final class LiteRt {
  /** By the unit's name, or "Interpreter": the model. */
  public static final Map<String, Model> models = new HashMap<>();

  /** Units whose next run fails. */
  public static final Set<String> failing = new HashSet<>();

  /** Whether its native library is missing. */
  public static boolean missing;

  /** How many objects with native memory are open. */
  public static int open;

  private LiteRt() {}

  public static void reset() {
    models.clear();
    failing.clear();
    missing = false;
    open = 0;
  }

  /** All inputs by name in, all outputs by name out; arrays of float or int. */
  public interface Model {
    Map<String, Object> run(Map<String, Object> inputs);
  }
}
