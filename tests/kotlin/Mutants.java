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

  /** The names of the mutants, separated by ";", then the classes of the tests. */
  public static void main(String[] words) throws ClassNotFoundException {
    Class<?>[] tests = new Class<?>[words.length - 1];
    for (int i = 1; i < words.length; i++) tests[i - 1] = Class.forName(words[i]);
    for (String name : ("none;" + words[0]).split(";")) {
      active = name;
      Result result = new JUnitCore().run(tests);
      System.out.println(name + "\t" + result.getRunCount() + "\t" + result.getFailureCount());
    }
    System.exit(0);
  }
}
