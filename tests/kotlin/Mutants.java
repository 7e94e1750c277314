package mutants;

import org.junit.runner.JUnitCore;
import org.junit.runner.Result;

/** Runs the tests once for each wrong core; the sources ask which one is on. */
public final class Mutants {
  private static String active = "";

  private Mutants() {}

  public static boolean on(String name) {
    return active.equals(name);
  }

  /**
   * The names of the mutants, separated by ";", then the classes of the tests. A mutant is done with
   * the first class that notices it.
   */
  public static void main(String[] words) throws ClassNotFoundException {
    for (String name : ("none;" + words[0]).split(";")) {
      active = name;
      int runs = 0;
      int failures = 0;
      for (int i = 1; i < words.length && failures == 0; i++) {
        Result result = new JUnitCore().run(Class.forName(words[i]));
        runs += result.getRunCount();
        failures += result.getFailureCount();
      }
      System.out.println(name + "\t" + runs + "\t" + failures);
    }
    System.exit(0);
  }
}
