package android.app;

import android.content.Context;
import android.content.res.AssetManager;
import android.os.Bundle;
import android.view.View;
import java.io.File;

public class Activity extends Context {
  @Override
  public AssetManager getAssets() {
    return null;
  }

  @Override
  public File getFilesDir() {
    return null;
  }

  protected void onCreate(Bundle savedInstanceState) {}

  protected void onResume() {}

  protected void onPause() {}

  public void setContentView(int layoutResID) {}

  public <T extends View> T findViewById(int id) {
    return null;
  }
}
